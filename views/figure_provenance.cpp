// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_provenance.h"

#include <QStringBuilder>
#include <array>
#include <optional>

#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {

namespace {

constexpr std::uint64_t largestFile = 256u << 20;
constexpr qsizetype largestStream = 256 << 10;  // bytes, compressed: more than any sheet, and a bomb stays small
constexpr char keyword[] = "Moescope";
constexpr qsizetype signature = 8;  // bytes of a PNG's

std::uint32_t crcOf(const QByteArray& bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t c = n;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
      made[n] = c;
    }
    return made;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFu] ^ (crc >> 8);
  return crc ^ 0xFFFFFFFFu;
}

QByteArray bigEndian(std::uint32_t value) {
  QByteArray bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xFFu);
  return bytes;
}

std::uint32_t wholeAt(const QByteArray& bytes, qsizetype at) {
  std::uint32_t value = 0;
  for (qsizetype i = 0; i < 4; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Expected<Json> ours(const QByteArray& text) {
  TRY(json, parseJson(text.toStdString()));
  if (!json.is_object() || json.value("program", Json()) != "Moescope") return inputError("this is not of Moescope");
  return json;
}

std::optional<Json> inPng(const QByteArray& bytes) {
  for (qsizetype at = signature; at + 12 <= bytes.size();) {
    const auto length = static_cast<qsizetype>(wholeAt(bytes, at));
    if (length > bytes.size() - at - 12) return std::nullopt;
    if (bytes.mid(at + 4, 4) == "tEXt") {
      const QByteArray text = bytes.mid(at + 8, length);
      if (text.startsWith(QByteArray(keyword, sizeof keyword)))
        if (auto json = ours(text.mid(sizeof keyword))) return *std::move(json);
    }
    at += 12 + length;
  }
  return std::nullopt;
}

// Our attachments are small deflated streams; any that holds JSON of ours is it.
std::optional<Json> inPdf(const QByteArray& bytes) {
  const QByteArray begin = "stream\n", end = "\nendstream";
  for (qsizetype at = bytes.indexOf(begin); at >= 0; at = bytes.indexOf(begin, at + 1)) {
    const qsizetype from = at + begin.size();
    const qsizetype to = bytes.indexOf(end, from);
    if (to < 0) return std::nullopt;
    if (to - from > largestStream) continue;
    const QByteArray stream = bytes.mid(from, to - from);
    if (auto plain = ours(stream)) return *std::move(plain);
    const bool deflated = stream.size() > 2 && (static_cast<unsigned char>(stream[0]) & 0x0Fu) == 8;
    if (!deflated) continue;
    const QByteArray text = qUncompress(bigEndian(static_cast<std::uint32_t>(4 * stream.size())) + stream);
    if (text.startsWith('{'))
      if (auto json = ours(text)) return *std::move(json);
  }
  return std::nullopt;
}

std::optional<Json> inSvg(const QByteArray& bytes) {
  const QByteArray begin = "<metadata id=\"moescope\">", end = "</metadata>";
  const qsizetype at = bytes.indexOf(begin);
  const qsizetype to = at < 0 ? -1 : bytes.indexOf(end, at);
  if (to < 0) return std::nullopt;
  QByteArray text = bytes.mid(at + begin.size(), to - at - begin.size());
  text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
  if (auto json = ours(text)) return *std::move(json);
  return std::nullopt;
}

}  // namespace

std::string Provenance::json() const {
  Json json{{"program", "Moescope"}, {"version", MOESCOPE_VERSION}};
  if (!stripped) {
    json["operation"] = operation;
    json["request"] = request;
    json["result"] = result;
    if (!sheet.is_null()) json["sheet"] = sheet;
  }
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

QByteArray withPngProvenance(const QByteArray& png, const std::string& json) {
  const QByteArray chunk = QByteArray("tEXt") + QByteArray(keyword, sizeof keyword) + QByteArray::fromStdString(json);
  const qsizetype header = signature + 12 + 13;  // the IHDR chunk goes first
  return png.left(header) + bigEndian(static_cast<std::uint32_t>(chunk.size() - 4)) + chunk + bigEndian(crcOf(chunk)) +
         png.mid(header);
}

QByteArray withSvgProvenance(const QByteArray& svg, const std::string& json) {
  QByteArray text = QByteArray::fromStdString(json);
  text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  const qsizetype at = svg.indexOf("<defs>");
  return svg.left(at) + "<metadata id=\"moescope\">" + text + "</metadata>\n" + svg.mid(at);
}

Expected<Json> readProvenance(const std::filesystem::path& file) {
  TRY(read, readFile(file, largestFile));
  const QByteArray bytes = QByteArray::fromRawData(read.data(), static_cast<qsizetype>(read.size()));
  std::optional<Json> found;
  if (bytes.startsWith("\x89PNG\r\n\x1a\n"))
    found = inPng(bytes);
  else if (bytes.startsWith("%PDF-"))
    found = inPdf(bytes);
  else
    found = inSvg(bytes);
  if (found) return *std::move(found);
  return inputError(file.string() +
                        " carries no figure of Moescope: only a PDF, PNG or SVG that it wrote, with names, "
                        "can be gone on from",
                    file.string());
}

}  // namespace moescope
