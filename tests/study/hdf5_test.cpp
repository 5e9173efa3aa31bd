// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/hdf5.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "core/base/digest.h"
#include "core/base/file.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class Hdf5 : public testing::Test {
 protected:
  fs::path folder = fs::temp_directory_path() / ("moescope_hdf5_" + std::to_string(::getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  fs::path written(const char* name) {
    const fs::path path = folder / name;
    auto file = hdf5::File::create(path);
    EXPECT_TRUE(file);
    const std::vector<double> values{1.5, -2, NAN, 4, 5, 6};
    EXPECT_TRUE(file->write<double>("/values/share", values, {2, 3}));
    EXPECT_TRUE(file->setAttribute("/values/share", "unit", std::string("nats")));
    EXPECT_TRUE(file->setAttribute("/", "complete", std::int64_t{1}));
    EXPECT_TRUE(file->setAttribute("/", "scale", 2.5));
    EXPECT_TRUE(file->makeGrowing("/layers/00/expert", hdf5::Type::uint8, {2}, 64));
    EXPECT_TRUE(file->appendRows<std::uint16_t>("/layers/00/expert", std::vector<std::uint16_t>{1, 2, 3, 4}));
    EXPECT_TRUE(file->appendRows<std::uint16_t>("/layers/00/expert", std::vector<std::uint16_t>{5, 6}));
    EXPECT_TRUE(file->writeFloat16("/layers/00/logit", std::vector<float>{0.5f, -1.25f}, {1, 2}));
    EXPECT_TRUE(file->writeStrings("/domains", std::vector<std::string>{"Deutsch", "Русский", ""}));
    EXPECT_TRUE(file->writeHeapStrings("/heap", std::vector<std::string>{"one", "", "zwei"}));
    EXPECT_TRUE(file->close());
    return path;
  }
};

TEST_F(Hdf5, GivesBackWhatWasWritten) {
  auto file = hdf5::File::open(written("a.h5"));
  ASSERT_TRUE(file);
  auto values = file->read<double>("/values/share");
  ASSERT_TRUE(values);
  EXPECT_EQ(values->at(1), -2);
  EXPECT_TRUE(std::isnan(values->at(2)));
  EXPECT_EQ(file->shape("/values/share")->extent, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(*file->text("/values/share", "unit"), "nats");
  EXPECT_EQ(*file->integer("/", "complete"), 1);
  EXPECT_EQ(*file->real("/", "scale"), 2.5);
  EXPECT_EQ(file->shape("/layers/00/expert")->type, hdf5::Type::uint8);
  EXPECT_EQ(*file->readRows<std::uint16_t>("/layers/00/expert", 1, 2), (std::vector<std::uint16_t>{3, 4, 5, 6}));
  EXPECT_EQ(*file->read<float>("/layers/00/logit"), (std::vector<float>{0.5f, -1.25f}));
  EXPECT_EQ(*file->readStrings("/domains"), (std::vector<std::string>{"Deutsch", "Русский", ""}));
  EXPECT_EQ(file->children("/"), (std::vector<std::string>{"domains", "heap", "layers", "values"}));
}

TEST_F(Hdf5, ReadsTextOfTheHeapOnlyFromAForeignFile) {
  const fs::path path = written("a.h5");
  const auto refused = hdf5::File::open(path)->readStrings("/heap");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::input);
  EXPECT_NE(refused.error().message.find("/heap"), std::string::npos);
  EXPECT_EQ(*hdf5::File::openForeign(path)->readStrings("/heap"), (std::vector<std::string>{"one", "", "zwei"}));
}

TEST_F(Hdf5, PaddedTextIsDeflatedAndReadByOthers) {
  std::vector<std::string> texts(5000, "Ω");
  texts[7] = std::string(3000, 'x');
  texts[8] = "";
  const fs::path path = folder / "texts.h5";
  {
    auto file = hdf5::File::create(path);
    ASSERT_TRUE(file->writeStrings("/t", texts));
    ASSERT_TRUE(file->close());
  }
  EXPECT_LT(fs::file_size(path), 200'000u);
  EXPECT_EQ(*hdf5::File::open(path)->readStrings("/t"), texts);
  EXPECT_EQ(std::system(("/usr/bin/python3 -c \"import h5py; t = h5py.File('" + path.string() +
                         "')['t'].asstr()[()]; assert t[0] == chr(937) and len(t[7]) == 3000 and t[8] == ''\"")
                            .c_str()),
            0);
}

TEST_F(Hdf5, EqualContentIsEqualBytes) {
  const fs::path first = written("a.h5");
  ::sleep(1);  // object times, if there were any, would differ
  const fs::path second = written("b.h5");
  EXPECT_EQ(*sha256OfFile(first), *sha256OfFile(second));
}

TEST_F(Hdf5, NamesWhatIsMissing) {
  auto file = hdf5::File::open(written("a.h5"));
  ASSERT_TRUE(file);
  EXPECT_FALSE(file->has("/values/share/none"));
  const auto missing = file->read<double>("/values/none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::input);
  EXPECT_NE(missing.error().message.find("/values/none"), std::string::npos);
  EXPECT_FALSE(file->readRows<std::uint16_t>("/layers/00/expert", 2, 2));
  EXPECT_FALSE(file->readRows<std::uint16_t>("/layers/00/expert", ~0ull, 2));
  EXPECT_FALSE(file->read<double>("/domains"));
  EXPECT_FALSE(file->readStrings("/values/share"));
  EXPECT_FALSE(file->read<double>("/values/share", 5));
}

TEST_F(Hdf5, RefusesTruncatedAndForeignFiles) {
  const fs::path path = written("a.h5");
  const std::string bytes = *readFile(path);
  for (std::size_t keep : {std::size_t{0}, std::size_t{7}, bytes.size() / 3, bytes.size() / 2}) {
    ASSERT_TRUE(writeFileSafely(path, bytes.substr(0, keep)));
    auto file = hdf5::File::open(path);
    if (file) {
      EXPECT_FALSE(file->read<double>("/values/share") && file->readStrings("/domains"));
    } else {
      EXPECT_EQ(file.error().kind, ErrorKind::input);
    }
  }
  EXPECT_FALSE(hdf5::File::open(folder / "none.h5"));
}

TEST_F(Hdf5, NeverAllocatesOnTheWordOfAnExtent) {
  const fs::path path = folder / "claims.h5";
  {
    auto file = hdf5::File::create(path);
    ASSERT_TRUE(file->makeGrowing("/big", hdf5::Type::float64, {1u << 20}, 1));
  }
  // The extent of an unwritten growing dataset is changed as a hostile writer would.
  ASSERT_EQ(std::system(("/usr/bin/python3 -c \"import h5py; f = h5py.File('" + path.string() +
                         "', 'r+'); f['big'].resize(1000, 0)\"")
                            .c_str()),
            0);
  auto file = hdf5::File::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->shape("/big")->count(), 1000ull << 20);
  EXPECT_FALSE(file->read<double>("/big"));
  EXPECT_FALSE(file->readRows<double>("/big", 0, 1000));
}

}  // namespace
}  // namespace moescope
