// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/protocol.h"

#include <gtest/gtest.h>

namespace moescope {
namespace {

std::vector<protocol::Incoming> all(protocol::Reader& reader) {
  std::vector<protocol::Incoming> found;
  while (auto incoming = reader.next()) found.push_back(*std::move(incoming));
  return found;
}

TEST(Protocol, MessagesComeWholeHoweverTheyAreCut) {
  const std::string stream =
      "{\"type\":\"hello\",\"seq\":1}\n\n{\"type\":\"part\",\"bytes\":5}\na\nb\nc{\"type\":\"rows\"}\r\n";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    protocol::Reader reader;
    std::vector<std::string> types;
    std::string bytes;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(std::string_view(stream).substr(at, piece));
      for (const auto& incoming : all(reader)) {
        ASSERT_FALSE(incoming.error);
        types.push_back(incoming.message["type"]);
        bytes += incoming.bytes;
      }
    }
    EXPECT_EQ(types, (std::vector<std::string>{"hello", "part", "rows"})) << piece;
    EXPECT_EQ(bytes, "a\nb\nc");
  }
}

TEST(Protocol, GarbageCostsOneLine) {
  protocol::Reader reader;
  reader.feed("\x01\xff garbage\n[1,2]\n{\"seq\":4}\n{\"type\":7}\n" + std::string(5000, '[') +
              "\n{\"type\":\"rows\"}\n");
  const auto found = all(reader);
  ASSERT_EQ(found.size(), 6u);
  for (std::size_t at = 0; at < 5; ++at) {
    ASSERT_TRUE(found[at].error);
    EXPECT_EQ(found[at].error->kind, ErrorKind::usage);
    EXPECT_FALSE(found[at].ends);
  }
  EXPECT_EQ(found[2].message["seq"], 4);  // so that the answer can repeat it
  EXPECT_FALSE(found[5].error);
}

TEST(Protocol, AnOverlongLineIsLeftOutAndNotKept) {
  protocol::Reader reader;
  std::size_t errors = 0;
  for (int piece = 0; piece < 40; ++piece) {
    reader.feed(std::string(100000, 'x'));
    for (const auto& incoming : all(reader)) errors += incoming.error.has_value();
  }
  reader.feed("tail\n{\"type\":\"rows\"}\n");
  const auto found = all(reader);
  EXPECT_EQ(errors, 1u);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].message["type"], "rows");
}

TEST(Protocol, InvalidBytesEndTheStream) {
  for (const char* bytes : {"-1", "1.5", "\"5\"", "null", "8388609", "1e3"}) {
    protocol::Reader reader;
    reader.feed(std::string("{\"type\":\"x\",\"bytes\":") + bytes + "}\n{\"type\":\"rows\"}\n");
    const auto found = all(reader);
    ASSERT_EQ(found.size(), 1u) << bytes;
    EXPECT_TRUE(found[0].error);
    EXPECT_TRUE(found[0].ends);
  }
}

}  // namespace
}  // namespace moescope
