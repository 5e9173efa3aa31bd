// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/render.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QGuiApplication>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <map>

#include "core/operation/parameter.h"
#include "core/result/drawing.h"
#include "core/study/study.h"
#include "views/paper.h"

namespace moescope {

namespace {

constexpr const char* help =
    R"(moescope render: writes a figure of a result at the width of a venue

  --study S             study folder
  --result ID|NAME      a result of that study
  --out FILE            ends in .pdf, .svg, .png, .tex or .csv
  --preset VENUE        icml (default), neurips, iclr, acl, ieee, nature, slide
  --column one|full     width: one column (default) or the page
  --figure NAME         which of the result's figures; the first unless told
  --set VIEW=VALUE      what is shown: an axis and its position or label (layer=2), or a setting of the view
                        (order=axis, rank=1, selected.expert=3,5); may be given several times

Example: moescope render --study S --result lb --out lb.pdf --preset icml --set layer=2
)";

struct Asked {
  std::map<std::string, std::string> options;
  std::vector<std::pair<std::string, std::string>> set;
  bool help = false;
  const std::string* find(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? nullptr : &found->second;
  }
};

Expected<Asked> asked(int argc, char** argv) {
  const std::vector<std::string> known{"study", "result", "out", "preset", "column", "figure", "set", "help"};
  Asked asked;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help" || word == "-h") {
      asked.help = true;
      return asked;
    }
    const std::size_t equals = word.find('=');
    const std::string name =
        word.starts_with("--") ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    if (std::ranges::find(known, name) == known.end()) {
      const std::string near = nearestName(name.empty() ? word : name, known);
      return usageError("render does not know \"" + word + "\"" +
                        (near.empty() ? "" : "; did you mean --" + near + "?"));
    }
    if (equals == std::string::npos && i + 1 >= argc) return usageError(word + " needs a value");
    std::string value = equals == std::string::npos ? argv[++i] : word.substr(equals + 1);
    if (name != "set") {
      asked.options[name] = std::move(value);
      continue;
    }
    const std::size_t at = value.find('=');
    if (at == std::string::npos || at == 0)
      return usageError("--set " + value + " is not VIEW=VALUE, for instance layer=2");
    asked.set.emplace_back(value.substr(0, at), value.substr(at + 1));
  }
  for (const char* needed : {"study", "result", "out"})
    if (!asked.find(needed)) return usageError(std::string("render needs --") + needed);
  return asked;
}

// A position on an axis, from its number or its label.
Expected<std::int64_t> position(const Axis& axis, const std::string& text) {
  if (const auto label = std::ranges::find(axis.labels, text); label != axis.labels.end())
    return label - axis.labels.begin();
  std::int64_t index = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), index);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size() && index >= 0 &&
      index < static_cast<std::int64_t>(axis.labels.size()))
    return index;
  return usageError(
      "there is no " + axis.name + " \"" + text + "\"; there are " + std::to_string(axis.labels.size()) +
      (axis.labels.empty() ? "" : ", from \"" + axis.labels.front() + "\" to \"" + axis.labels.back() + "\""));
}

Expected<ViewState> viewOf(const Result& result, const std::vector<std::pair<std::string, std::string>>& set) {
  ViewState view;
  constexpr std::string_view selected = "selected.";
  for (const auto& [name, value] : set) {
    const bool many = name.starts_with(selected);
    const Axis* axis = result.axis(many ? name.substr(selected.size()) : name);
    if (many && !axis) return usageError("the result has no axis \"" + name.substr(selected.size()) + "\"");
    if (!axis) {
      view.set[name] = value;
      continue;
    }
    for (std::size_t start = 0; start <= value.size();) {
      const std::size_t end = many ? std::min(value.find(',', start), value.size()) : value.size();
      TRY(index, position(*axis, value.substr(start, end - start)));
      if (many)
        view.selected[axis->name].push_back(index);
      else
        view.at[axis->name] = index;
      start = end + 1;
    }
  }
  return view;
}

Expected<Figure> figureOf(const Result& result, const std::string* name) {
  if (result.figures.empty()) return inputError("the result has no figure to draw; its operation declares none");
  if (!name) return result.figures.front();
  std::string known;
  std::vector<std::string> names;
  for (const Figure& figure : result.figures) {
    if (figure.name == *name) return figure;
    known += (known.empty() ? "" : ", ") + figure.name;
    names.push_back(figure.name);
  }
  const std::string near = nearestName(*name, names);
  return usageError("the result has no figure \"" + *name + "\"; it has " + known +
                    (near.empty() ? "" : "; did you mean " + near + "?"));
}

// The HDF5 library follows damaged references blindly and may end the process; a child reads first, so that a damaged
// file is an error like any other. Called before anything starts a thread.
Expected<Result> readSafely(const std::filesystem::path& file) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    const auto read = readForeignResult(file);
    ::_exit(0);
  }
  int status = 0;
  if (child > 0 && ::waitpid(child, &status, 0) == child && WIFSIGNALED(status))
    return inputError(file.string() + " is damaged: the HDF5 library cannot read it; run the analysis again",
                      file.string());
  return readForeignResult(file);
}

struct Ready {
  Drawing drawing;
  PaperStyle style;
  Provenance provenance;
};

Expected<Ready> prepared(const Asked& asked) {
  const std::string* preset = asked.find("preset");
  TRY(venue, venueNamed(preset ? *preset : "icml"));
  const std::string* column = asked.find("column");
  if (column && *column != "one" && *column != "full")
    return usageError("--column is one or full, not \"" + *column + "\"");
  TRY(study, Study::open(*asked.find("study"), Study::Access::read));
  TRY(artifact, study.find(*asked.find("result")));
  if (artifact.kind != Kind::result)
    return usageError("\"" + *asked.find("result") + "\" is a " + std::string(name(artifact.kind)) +
                      ", and render draws results; run an analysis on it first");
  TRY(result, readSafely(artifact.path));
  TRY(figure, figureOf(result, asked.find("figure")));
  TRY(view, viewOf(result, asked.set));
  TRY(drawing, draw(result, figure, view));
  return Ready{
      std::move(drawing), {venue, column && *column == "full"}, {artifact.operation, artifact.request, artifact.id}};
}

Expected<void> paint(const Ready& ready, const std::filesystem::path& file, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  // Of a window system that is not there, nobody wants to hear.
  qInstallMessageHandler([](QtMsgType type, const QMessageLogContext&, const QString& text) {
    if (type == QtCriticalMsg || type == QtFatalMsg) std::cerr << "moescope render: " << text.toStdString() << "\n";
  });
  int none = 1;
  const QGuiApplication application(none, argv);
  return exportFigure(ready.drawing, ready.style, ready.provenance, file);
}

Expected<void> render(int argc, char** argv) {
  TRY(words, asked(argc, argv));
  if (words.help) {
    std::fputs(help, stdout);
    return {};
  }
  TRY(ready, prepared(words));
  return paint(ready, *words.find("out"), argv);
}

}  // namespace

int renderCommand(int argc, char** argv) {
  const auto done = render(argc, argv);
  if (done) return 0;
  std::cerr << "moescope render: " << done.error().message << "\n";
  return exitCode(done.error().kind);
}

}  // namespace moescope
