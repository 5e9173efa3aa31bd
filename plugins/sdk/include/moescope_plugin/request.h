// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace moescope_plugin {

using Json = nlohmann::json;

// Thrown by whatever fails; the kind decides the exit code: usage 2, input 3, environment 4, cancelled 5, bug 70.
class Failure : public std::runtime_error {
 public:
  Failure(std::string kind, const std::string& message, std::string file = {})
      : std::runtime_error(message), kind_(std::move(kind)), file_(std::move(file)) {}
  const std::string& kind() const { return kind_; }
  const std::string& file() const { return file_; }
  int exitCode() const {
    if (kind_ == "usage") return 2;
    if (kind_ == "input") return 3;
    if (kind_ == "environment") return 4;
    return kind_ == "cancelled" ? 5 : 70;
  }

 private:
  std::string kind_, file_;
};

// What Moescope asks for: {"operation","in":{PORT:{"kind","path"}},"set":{},"out":{PORT:"path"},"scratch":"path"}.
class Request {
 public:
  explicit Request(const std::string& file) {
    std::ifstream stream(file);
    if (!stream) throw Failure("input", "cannot open the request file " + file, file);
    json_ = Json::parse(stream);
  }
  std::string operation() const { return json_.at("operation"); }
  // The path of the artifact at a port that takes one; of all of them at one that takes several.
  std::string input(const std::string& port) const {
    const auto paths = inputs(port);
    if (paths.empty()) throw Failure("usage", "the request has no input " + port);
    return paths.front();
  }
  std::vector<std::string> inputs(const std::string& port) const {
    std::vector<std::string> paths;
    const Json in = json_.value("in", Json::object()).value(port, Json::array());
    if (in.is_object())
      paths.push_back(in.at("path"));
    else
      for (const Json& one : in) paths.push_back(one.at("path"));
    return paths;
  }
  // The value of a parameter; every declared one has one.
  template <class T>
  T set(const std::string& parameter) const {
    return json_.at("set").at(parameter).get<T>();
  }
  std::string output(const std::string& port) const { return json_.at("out").at(port); }
  std::string scratch() const { return json_.at("scratch"); }
  const Json& json() const { return json_; }

 private:
  Json json_;
};

inline void say(const Json& line) {
  std::cout << line.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n" << std::flush;
}

// Share done in [0, 1] and the stage in plain words.
inline void progress(double fraction, const std::string& stage) {
  say({{"progress", std::min(1.0, std::max(0.0, fraction))}, {"stage", stage}});
}
inline void log(const std::string& text) {
  say({{"log", text}});
}
inline void warn(const std::string& text) {
  say({{"log", text}, {"level", "warning"}});
}

// The main of a plugin: reads the request, runs `work`, turns what it throws into an error line and an exit code.
inline int run(int argc, char** argv, const std::function<void(const Request&)>& work) {
  const auto fail = [](const std::string& kind, const std::string& message, const std::string& file) {
    Json error{{"kind", kind}, {"message", message}};
    if (!file.empty()) error["file"] = file;
    say({{"error", error}});
    return Failure(kind, message).exitCode();
  };
  try {
    if (argc != 2) return fail("usage", "a plugin is run with the path of one request file", "");
    work(Request(argv[1]));
    return 0;
  } catch (const Failure& failure) {
    return fail(failure.kind(), failure.what(), failure.file());
  } catch (const std::bad_alloc&) {
    return fail("environment", "out of memory; raise limits.memory in plugin.json", "");
  } catch (const std::exception& error) {
    return fail("bug", error.what(), "");
  }
}

}  // namespace moescope_plugin
