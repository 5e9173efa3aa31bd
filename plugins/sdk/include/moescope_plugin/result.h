// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "moescope_plugin/file.h"

namespace moescope_plugin {

// What may stand beside the values of an array.
struct Extra {
  std::vector<double> baseline = {}, low = {}, high = {};
  std::string help = {};  // the definition, with its convention and source
  bool whole = false;     // stored as integers
};

// A result file (contract section 3): arrays over named axes, each with unit and, where there is one, the expectation
// under the null and a 95 % interval. Pad with NaN where layers differ in size. Figures are declared in plugin.json.
class Result {
 public:
  void axis(const std::string& name, std::vector<std::string> labels) { axes_.push_back({name, std::move(labels)}); }
  // Row-major over the axes, which must have been named before.
  void array(const std::string& name, const std::string& unit, std::vector<std::string> axes,
             std::vector<double> values, Extra extra = {}) {
    std::size_t size = 1;
    for (const std::string& axis : axes) size *= lengthOf(axis);
    for (const auto* list : {&extra.baseline, &extra.low, &extra.high})
      if (!list->empty() && list->size() != size) throw Failure("bug", name + " and what belongs to it differ in size");
    if (values.size() != size)
      throw Failure("bug",
                    name + " has " + std::to_string(values.size()) + " values, its axes say " + std::to_string(size));
    arrays_.push_back({name, unit, std::move(axes), std::move(values), std::move(extra)});
  }
  // What captions need, e.g. {"tokens": 98304}.
  void fact(const std::string& name, Json value) { facts_[name] = std::move(value); }

  void write(const std::string& path) const {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    Handle plain(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_obj_track_times(plain, false);
    Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, plain, H5P_DEFAULT));
    if (!file.valid()) throw Failure("environment", "cannot create " + path, path);
    for (const char* group : {"/axes", "/values"})
      Handle made(H5Gcreate2(file, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    std::string order;
    for (const auto& [name, labels] : axes_) {
      texts(file, "/axes/" + name, labels);
      order += (order.empty() ? "" : ",") + name;
    }
    attribute(file, "/axes", "order", order);
    order.clear();
    for (const Array& array : arrays_) {
      write(file, array);
      order += (order.empty() ? "" : ",") + array.name;
    }
    attribute(file, "/values", "order", order);
    texts(file, "/facts", {facts_.dump()});
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0)
      throw Failure("environment", "cannot write " + path + "; is the disk full?", path);
  }

 private:
  struct Axis {
    std::string name;
    std::vector<std::string> labels;
  };
  struct Array {
    std::string name, unit;
    std::vector<std::string> axes;
    std::vector<double> values;
    Extra extra;
  };

  std::size_t lengthOf(const std::string& axis) const {
    for (const Axis& one : axes_)
      if (one.name == axis) return one.labels.size();
    throw Failure("bug", "there is no axis " + axis + " in the result");
  }

  static void texts(hid_t file, const std::string& path, const std::vector<std::string>& list) {
    const Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const hsize_t count = list.size();
    const Handle space(H5Screate_simple(1, &count, nullptr));
    const Handle set(H5Dcreate2(file, path.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    std::vector<const char*> raw;
    for (const std::string& text : list) raw.push_back(text.c_str());
    if (!set.valid() || (count > 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()) < 0))
      throw Failure("environment", "cannot write " + path);
  }
  static void attribute(hid_t file, const std::string& path, const std::string& name, const std::string& value) {
    const Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type, std::max<std::size_t>(1, value.size()));
    H5Tset_cset(type, H5T_CSET_UTF8);
    const Handle space(H5Screate(H5S_SCALAR)), object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
    const Handle made(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (!made.valid() || H5Awrite(made, type, value.c_str()) < 0)
      throw Failure("environment", "cannot write " + name + " of " + path);
  }
  void numbers(hid_t file, const std::string& path, const Array& array, const std::vector<double>& values,
               bool whole) const {
    std::vector<hsize_t> extent;
    for (const std::string& axis : array.axes) extent.push_back(lengthOf(axis));
    const Handle space(extent.empty() ? H5Screate(H5S_SCALAR)
                                      : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
    const Handle set(H5Dcreate2(file, path.c_str(), whole ? H5T_STD_I64LE : H5T_IEEE_F64LE, space, H5P_DEFAULT,
                                H5P_DEFAULT, H5P_DEFAULT));
    if (!set.valid() ||
        (!values.empty() && H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0))
      throw Failure("environment", "cannot write " + path);
  }
  void write(hid_t file, const Array& array) const {
    const std::string path = "/values/" + array.name;
    numbers(file, path, array, array.values, array.extra.whole);
    std::string axes;
    for (const std::string& axis : array.axes) axes += (axes.empty() ? "" : ",") + axis;
    attribute(file, path, "kind", "array");
    attribute(file, path, "unit", array.unit);
    attribute(file, path, "axes", axes);
    if (!array.extra.help.empty()) attribute(file, path, "help", array.extra.help);
    if (!array.extra.baseline.empty()) numbers(file, path + ".baseline", array, array.extra.baseline, false);
    if (!array.extra.low.empty()) numbers(file, path + ".low", array, array.extra.low, false);
    if (!array.extra.high.empty()) numbers(file, path + ".high", array, array.extra.high, false);
  }

  std::vector<Axis> axes_;
  std::vector<Array> arrays_;
  Json facts_ = Json::object();
};

}  // namespace moescope_plugin
