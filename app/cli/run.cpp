// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "app/cli/one_request.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope::cli {

namespace {

struct Options {
  std::string operation, study, name, events;
  std::vector<std::string> in, set;
  Resources resources;
  bool json = false, dryRun = false, fresh = false;
};

// "KEY=VALUE" cut at its first '='.
Expected<std::pair<std::string, std::string>> cut(const std::string& text, const char* option) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    return usageError(fmt::format("{} {} is not of the form NAME=VALUE", option, text));
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Expected<Request> requestFrom(const Options& options) {
  Request request{.operation = options.operation};
  for (const std::string& text : options.in) {
    TRY(pair, cut(text, "--in"));
    request.inputs[pair.first].push_back(pair.second);
  }
  for (const std::string& text : options.set) {
    TRY(pair, cut(text, "--set"));
    std::string value = pair.second;
    if (value.starts_with("@")) TRY_ASSIGN(value, readFile(value.substr(1), 64u << 20));
    request.set[pair.first] = std::move(value);
  }
  if (!options.events.empty()) {
    TRY(events, readJson(options.events));
    Json asked{{"operation", options.operation}, {"events", std::move(events)}};
    TRY(read, requestFromJson(asked));
    request.events = std::move(read.events);
  }
  return request;
}

Expected<void> printCost(const Json& done, bool json) {
  const Json& cost = done["cost"];
  if (json) return printJson(Json{{"cost", cost}}), Expected<void>{};
  const double seconds = cost.value("seconds", 0.0);
  std::cout << "writes about " << inBytes(cost.value("bytes", std::uint64_t{0})) << ", needs about "
            << inBytes(cost.value("memory", std::uint64_t{0})) << " of memory, "
            << (seconds > 0 ? "takes about " + inTime(seconds) : std::string("time not known"))
            << "; nothing was run\n";
  return {};
}

void printOutputs(const Json& outputs) {
  for (const auto& [port, output] : outputs.items()) {
    const std::string id = output.value("id", ""), name = output.value("name", "");
    std::cout << fmt::format("{:<10} {:<20} {}  {}{}\n", output.value("kind", ""), name.empty() ? "-" : name,
                             id.substr(0, 12), port, output.value("cached", false) ? "  (cached)" : "");
  }
}

// With --fresh: whether it gave what it had given before. Nothing when there was nothing before.
std::optional<bool> sameAs(const std::optional<std::map<std::string, std::string>>& before, const Json& outputs) {
  if (!before) return std::nullopt;
  for (const auto& [port, id] : *before)
    if (!outputs.contains(port) || outputs[port].value("id", "") != id) return false;
  return true;
}

Expected<void> run(const Options& options) {
  const auto started = std::chrono::steady_clock::now();
  TRY(request, requestFrom(options));
  std::vector<std::string> inbox;
  TRY(supervisor, superviseStudy(options.study, inbox));
  Submission submission{.request = std::move(request),
                        .name = options.name,
                        .resources = options.resources,
                        .fresh = options.fresh,
                        .estimateOnly = options.dryRun};
  std::optional<std::map<std::string, std::string>> before;
  if (options.fresh) {
    TRY(resolved, supervisor->resolve(submission.request));
    TRY_ASSIGN(before, supervisor->study().outputsOf(digest(resolved)));
  }
  TRY(done, runToEnd(*supervisor, std::move(submission), inbox));
  if (options.dryRun) return printCost(done, options.json);
  const Json& outputs = done["outputs"];
  const std::optional<bool> same = sameAs(before, outputs);
  if (same && !*same)
    std::cerr << "warning: " << options.operation
              << " gave other content than before for the same request (see the ids)\n";
  if (!options.json) return printOutputs(outputs), Expected<void>{};
  Json document{{"outputs", outputs},
                {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()}};
  if (same) document["reproduced"] = *same;
  printJson(document);
  return {};
}

}  // namespace

Command runCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* word = program.add_subcommand("run", "run one operation; what was computed before is read back");
  word->add_option("OPERATION", options->operation, "its id; `moescope-cli operations` lists them")->required();
  wantStudy(*word, options->study);
  word->add_option("--in", options->in, "PORT=ID|NAME: an input; again for more")
      ->type_name("PORT=ID")
      ->allow_extra_args(false);
  word->add_option("--set", options->set, "KEY=VALUE: a parameter; KEY=@FILE reads the value from a file")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  word->add_option("--name", options->name, "name of the first output; the others get N.PORT")->type_name("N");
  wantJson(*word, options->json);
  word->add_flag("--dry-run", options->dryRun, "check everything and say what it would cost; run nothing");
  word->add_flag("--fresh", options->fresh, "run again although the outputs are there, and compare");
  word->add_option("--events", options->events, R"(changes on the way: a JSON list of {"step","set"})")
      ->type_name("FILE");
  word->add_option("--device", options->resources.device, "cpu, cuda, cuda:N or auto")
      ->check([](const std::string& text) {
        const bool numbered = text.starts_with("cuda:") && text.size() > 5 &&
                              text.find_first_not_of("0123456789", 5) == std::string::npos;
        return text == "cpu" || text == "cuda" || text == "auto" || numbered
                   ? std::string()
                   : "a device is cpu, cuda, cuda:N or auto, not " + text;
      })
      ->type_name("DEVICE");
  word->add_option("--threads", options->resources.threads, "threads; 0 = as many as there are")
      ->check(CLI::Range(0, 4096))
      ->type_name("N");
  word->add_option("--memory", options->resources.memory, "bytes of memory it should stay within; 0 = not stated")
      ->type_name("BYTES");
  word->footer(
      "Examples:\n"
      "  moescope-cli run corpus.import --study S --set path=texts --name text\n"
      "  moescope-cli run train.lm --study S --in corpus=text --set steps=300 --set router=switch --name toy\n"
      "  moescope-cli run load.balance --study S --in trace=t --name lb --json\n"
      "Ctrl+C stops it; what is committed stays, and the same command goes on where the operation can.");
  return {word, [options] { return run(*options); }};
}

}  // namespace moescope::cli
