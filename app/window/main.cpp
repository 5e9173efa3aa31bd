// SPDX-License-Identifier: GPL-3.0-or-later
// moescope [STUDY] [--theme system|light|dark] [--engine COMMAND] | moescope render ... (contract section 1)
#include <QCommandLineParser>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <cstdio>
#include <string_view>

#include "app/window/screenshot.h"
#include "views/application.h"
#include "views/main_window.h"
#include "views/render.h"

namespace moescope {
namespace {

constexpr int wrongUse = 2;

// Says how long the first frame took, once it is painted.
class FirstFrame : public QObject {
 public:
  FirstFrame(QWidget& window, const QElapsedTimer& sinceStart) : QObject(&window), sinceStart_(sinceStart) {
    window.installEventFilter(this);
  }
  bool eventFilter(QObject* watched, QEvent* event) override {
    const bool handled = QObject::eventFilter(watched, event);
    if (event->type() == QEvent::UpdateRequest && !told_) {
      told_ = true;
      // The request is answered when this returns; the timer fires after the frame.
      QTimer::singleShot(0, this, [this] {
        std::fprintf(stderr, "first frame: %lld ms\n", static_cast<long long>(sinceStart_.elapsed()));
      });
    }
    return handled;
  }

 private:
  const QElapsedTimer& sinceStart_;
  bool told_ = false;
};

struct Arguments {
  QString study, engine;
  std::optional<ThemeChoice> theme;
  QSize size;
  ScreenshotWish wish;
};

QCommandLineOption hidden(const QString& name, const QString& value) {
  QCommandLineOption option(name, {}, value);
  option.setFlags(QCommandLineOption::HiddenFromHelp);
  return option;
}

// Ends the program for --help, --version and wrong use.
Arguments parse(const QCoreApplication& application) {
  QCommandLineParser parser;
  parser.setApplicationDescription(
      QStringLiteral("Workbench for Mixture-of-Experts models.\n\nmoescope render --help tells how to draw figures "
                     "without a window."));
  parser.addPositionalArgument(QStringLiteral("STUDY"),
                               QStringLiteral("The folder of a study; without one the last study is opened."),
                               QStringLiteral("[STUDY]"));
  const QCommandLineOption theme(QStringLiteral("theme"), QStringLiteral("system, light or dark."),
                                 QStringLiteral("THEME"));
  const QCommandLineOption engine(
      QStringLiteral("engine"),
      QStringLiteral("Stands for `moescope-cli serve`, for instance \"ssh gpu moescope-cli serve\"."),
      QStringLiteral("COMMAND"));
  const QCommandLineOption shot = hidden(QStringLiteral("screenshot"), QStringLiteral("FILE")),
                           page = hidden(QStringLiteral("page"), QStringLiteral("NAME")),
                           size = hidden(QStringLiteral("size"), QStringLiteral("WxH")),
                           select = hidden(QStringLiteral("select"), QStringLiteral("NAME")),
                           layer = hidden(QStringLiteral("layer"), QStringLiteral("N")),
                           expert = hidden(QStringLiteral("expert"), QStringLiteral("N")),
                           prompt = hidden(QStringLiteral("prompt"), QStringLiteral("TEXT"));
  parser.addOptions({theme, engine, shot, page, size, select, layer, expert, prompt});
  parser.addHelpOption();
  parser.addVersionOption();
  const auto wrong = [](const QString& why) {
    std::fprintf(stderr, "moescope: %s\n", qUtf8Printable(why));
    std::exit(wrongUse);
  };
  if (!parser.parse(application.arguments())) wrong(parser.errorText());
  if (parser.isSet(QStringLiteral("help"))) parser.showHelp(0);
  if (parser.isSet(QStringLiteral("version"))) parser.showVersion();
  Arguments arguments;
  if (parser.positionalArguments().size() > 1)
    wrong(QStringLiteral("one study at a time: ") + parser.positionalArguments().join(QLatin1Char(' ')));
  if (!parser.positionalArguments().isEmpty()) arguments.study = parser.positionalArguments().first();
  arguments.engine = parser.value(engine);
  if (parser.isSet(theme)) {
    arguments.theme = themeChoiceFromName(parser.value(theme));
    if (name(*arguments.theme) != parser.value(theme))
      wrong(QStringLiteral("there is no theme %1; there are system, light and dark").arg(parser.value(theme)));
  }
  arguments.wish = {parser.value(shot), parser.value(page), parser.value(select), parser.value(prompt)};
  if (parser.isSet(layer)) arguments.wish.layer = parser.value(layer).toInt();
  if (parser.isSet(expert)) arguments.wish.expert = parser.value(expert).toInt();
  const QStringList sides = parser.value(size).split(QLatin1Char('x'));
  if (sides.size() == 2) arguments.size = {sides[0].toInt(), sides[1].toInt()};
  return arguments;
}

int openWindow(int argc, char** argv) {
  QElapsedTimer sinceStart;
  sinceStart.start();
  Application application(argc, argv);
  QCoreApplication::setApplicationName(QStringLiteral("moescope"));
  QCoreApplication::setApplicationVersion(QStringLiteral(MOESCOPE_VERSION));
  QGuiApplication::setDesktopFileName(QStringLiteral("moescope"));
  const Arguments arguments = parse(application);

  const bool shot = !arguments.wish.file.isEmpty();
  QTemporaryDir temporary;  // a screenshot neither sees nor changes the user's session
  Session session(shot ? temporary.filePath(QStringLiteral("window.ini")) : QString());
  if (arguments.theme) session.set(QStringLiteral("theme"), name(*arguments.theme));
  const bool dark =
      session.theme() == ThemeChoice::dark ||
      (session.theme() == ThemeChoice::system &&
       session
           .value(QStringLiteral("desktop_dark"), QGuiApplication::palette().color(QPalette::Window).lightness() < 128)
           .toBool());
  applyTheme(application, dark ? Theme::darkened() : Theme::light());

  MainWindow window(session, arguments.engine, arguments.study);
  QObject::connect(&application, &Application::caught, &window, [&window](const QString& what) {
    window.say(
        QStringLiteral("error"),
        QStringLiteral("Something went wrong inside the window: %1. It goes on; please report this with the details.")
            .arg(what),
        what);
  });
  if (qEnvironmentVariableIntValue("MOESCOPE_TIMING") == 1) new FirstFrame(window, sinceStart);
  if (arguments.size.isValid()) window.resize(arguments.size);
  window.show();
  if (shot) new Screenshot(window, arguments.wish);
  return Application::exec();
}

}  // namespace
}  // namespace moescope

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "render") return moescope::renderCommand(argc - 1, argv + 1);
  return moescope::openWindow(argc, argv);
}
