// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "core/study/pack.h"
#include "core/study/repair.h"
#include "core/study/trust.h"

namespace moescope::cli {

namespace {

struct Options {
  std::string study, out, from;
  bool json = false, now = false;
};

Expected<void> init(const Options& options) {
  TRY(study, Study::create(options.study));
  // Whoever makes a study trusts it; without a home folder it is asked about like any other.
  (void)trust(study);
  if (options.json)
    printJson(Json{{"study", options.study}, {"schema", studySchema}});
  else
    std::cout << options.study << " is a study now; bring something in: moescope-cli run corpus.import --study "
              << options.study << " --set path=DIR --name text\n";
  return {};
}

Expected<void> info(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  TRY(artifacts, study.list(true));
  TRY(jobs, study.jobs());
  std::map<std::string, std::size_t> counts;
  std::size_t deleted = 0, running = 0;
  std::uint64_t bytes = 0;
  for (const Artifact& artifact : artifacts) {
    if (artifact.state != ArtifactState::present) {
      ++deleted;
      continue;
    }
    ++counts[std::string(name(artifact.kind))];
    bytes += artifact.bytes;
  }
  for (const JobRow& job : jobs) running += job.alive();
  if (options.json) {
    printJson(Json{{"study", options.study},
                   {"schema", studySchema},
                   {"artifacts", counts},
                   {"deleted", deleted},
                   {"bytes", bytes},
                   {"running", running}});
    return {};
  }
  std::cout << options.study << " (schema " << studySchema << ")\n";
  for (const auto& [kind, count] : counts) std::cout << fmt::format("  {:<12} {}\n", kind, count);
  std::cout << fmt::format("  {} in all; {} deleted or evicted; {} running\n", inBytes(bytes), deleted, running);
  return {};
}

Expected<void> gc(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::write));
  TRY(collected, study.collect(options.now));
  if (options.json)
    printJson(Json{{"files", collected.files}, {"bytes", collected.bytes}});
  else
    std::cout << fmt::format("removed {} files, {}\n", collected.files, inBytes(collected.bytes));
  return {};
}

Json listOf(const std::vector<Study::Damage>& damages) {
  Json list = Json::array();
  for (const Study::Damage& damage : damages) list.push_back({{"what", damage.what}, {"file", damage.file}});
  return list;
}

// What `check` and `repair` end with when something is still wrong.
Error damaged(const Options& options, const std::vector<Study::Damage>& damages) {
  return inputError(fmt::format("{} is damaged in {} place{}: {}", options.study, damages.size(),
                                damages.size() == 1 ? "" : "s", damages.front().what),
                    damages.front().file);
}

Expected<void> check(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  TRY(damages, study.check());
  if (!damages.empty()) {
    if (!options.json)
      for (const Study::Damage& damage : damages) std::cout << damage.file << ": " << damage.what << "\n";
    return damaged(options, damages);
  }
  if (options.json)
    printJson(Json{{"sound", true}, {"damage", Json::array()}});
  else
    std::cout << options.study << " is sound\n";
  return {};
}

Expected<void> repair(const Options& options) {
  TRY(repair, repairStudy(options.study));
  if (!options.json) {
    for (const Study::Damage& one : repair.saved) std::cout << "saved: " << one.what << " (" << one.file << ")\n";
    for (const Study::Damage& one : repair.lost) std::cout << "lost:  " << one.what << " (" << one.file << ")\n";
  }
  if (!repair.remaining.empty()) return damaged(options, repair.remaining);
  if (options.json)
    printJson(Json{{"sound", true}, {"saved", listOf(repair.saved)}, {"lost", listOf(repair.lost)}});
  else
    std::cout << options.study << (repair.saved.empty() && repair.lost.empty() ? " was sound\n" : " is sound now\n");
  return {};
}

Json referencedJson(const Packed& packed) {
  Json list = Json::array();
  for (const Artifact& artifact : packed.referenced)
    list.push_back({{"id", artifact.id}, {"kind", name(artifact.kind)}, {"path", artifact.path.string()}});
  return list;
}

void printReferenced(const Packed& packed) {
  for (const Artifact& artifact : packed.referenced)
    std::cout << fmt::format("  {} {} stays where it is: {}\n", name(artifact.kind), artifact.title(),
                             artifact.path.string());
}

Expected<void> pack(const Options& options) {
  std::filesystem::path study = options.study;
  if (!study.has_filename()) study = study.parent_path();  // "S/"
  const std::string file = options.out.empty() ? study.string() + ".tar" : options.out;
  TRY(packed, packStudy(options.study, file));
  if (options.json) {
    printJson(
        Json{{"file", file}, {"files", packed.files}, {"bytes", packed.bytes}, {"referenced", referencedJson(packed)}});
    return {};
  }
  std::cout << fmt::format("{} holds {} files, {}; moescope-cli study unpack NEW --from {} makes a study of it\n", file,
                           packed.files, inBytes(packed.bytes), file);
  printReferenced(packed);
  return {};
}

Expected<void> unpack(const Options& options) {
  TRY(packed, unpackStudy(options.from, options.study));
  if (options.json) {
    printJson(Json{{"study", options.study},
                   {"files", packed.files},
                   {"bytes", packed.bytes},
                   {"referenced", referencedJson(packed)}});
    return {};
  }
  std::cout << fmt::format("{} is a study now: {} files, {}, all of them whole\n", options.study, packed.files,
                           inBytes(packed.bytes));
  printReferenced(packed);
  return {};
}

Expected<void> undo(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::write));
  TRY(what, study.undo());
  if (options.json)
    printJson(Json{{"undone", what}});
  else
    std::cout << "undone: " << what << "\n";
  return {};
}

Expected<void> redo(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::write));
  TRY(what, study.redo());
  if (options.json)
    printJson(Json{{"redone", what}});
  else
    std::cout << "done again: " << what << "\n";
  return {};
}

Expected<void> trustPlugins(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  TRY_DO(trust(study));
  if (options.json)
    printJson(Json{{"study", options.study}, {"trusted", true}});
  else
    std::cout << "plugins in " << options.study << "/plugins may run now\n";
  return {};
}

}  // namespace

std::vector<Command> studyCommands(CLI::App& program) {
  CLI::App* group = program.add_subcommand("study", "make a study, look at it, check it, clean it");
  group->require_subcommand(1);
  group->footer("Example:\n  moescope-cli study init S");
  struct Row {
    const char* word;
    const char* help;
    const char* example;
    Expected<void> (*run)(const Options&);
  };
  static constexpr Row rows[] = {
      {"init", "make a new, empty study", "moescope-cli study init S", init},
      {"info", "what is in it, how large it is, what runs", "moescope-cli study info S", info},
      {"check", "every file against its row and its digest; ends with 3 on damage", "moescope-cli study check S",
       check},
      {"repair", "make a damaged study sound again: what can be saved is, what cannot is named and nothing is deleted",
       "moescope-cli study repair S", repair},
      {"pack", "write the whole study to one tar file", "moescope-cli study pack S --out s.tar", pack},
      {"unpack", "make a study of a packed one, checked to the last byte", "moescope-cli study unpack S --from s.tar",
       unpack},
      {"gc", "remove files that nothing needs, and what was deleted more than 30 days ago",
       "moescope-cli study gc S --now", gc},
      {"trust", "let the plugins in its own folder run; a study that was made here is trusted",
       "moescope-cli study trust S", trustPlugins},
      {"undo", "take the last edit back: a name, a removal, a tag, a note", "moescope-cli study undo S", undo},
      {"redo", "make the edit again that was taken back", "moescope-cli study redo S", redo},
  };
  std::vector<Command> commands;
  for (const Row& row : rows) {
    auto options = std::make_shared<Options>();
    CLI::App* word = group->add_subcommand(row.word, row.help);
    word->add_option("S", options->study, "folder of the study")->required();
    wantJson(*word, options->json);
    if (std::string_view(row.word) == "gc")
      word->add_flag("--now", options->now, "also what was deleted less than 30 days ago");
    if (std::string_view(row.word) == "pack")
      word->add_option("--out", options->out, "the file; S.tar beside the study when left out")->type_name("FILE");
    if (std::string_view(row.word) == "unpack")
      word->add_option("--from", options->from, "a file that `study pack` wrote")->required()->type_name("FILE");
    word->footer(std::string("Example:\n  ") + row.example);
    commands.push_back({word, [options, run = row.run] { return run(*options); }});
  }
  return commands;
}

}  // namespace moescope::cli
