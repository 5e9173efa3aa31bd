# SPDX-License-Identifier: GPL-3.0-or-later
# LibTorch from a folder: LIBTORCH_DIR (cache or environment), else what packaging/setup unpacked.
# Makes LibTorch::cpu, and LibTorch_CUDA_LIBRARY where the CUDA half is present. (The wheel's own CMake files ask for a CUDA
# toolkit at configure time even for the CPU half; see README, "Dependencies".)
set(LIBTORCH_DIR "$ENV{LIBTORCH_DIR}" CACHE PATH "Folder of LibTorch (with include/ and lib/)")
set(_cache "$ENV{XDG_CACHE_HOME}")
if(NOT _cache)
  set(_cache "$ENV{HOME}/.cache")
endif()
set(_packages "${_cache}/moescope/libtorch-2.11.0")
find_path(LibTorch_INCLUDE_DIR ATen/ATen.h HINTS "${LIBTORCH_DIR}/include" "${_packages}/torch/include" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS "${LIBTORCH_DIR}/lib" "${_packages}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS "${LIBTORCH_DIR}/lib" "${_packages}/torch/lib" NO_DEFAULT_PATH)
find_library(LibTorch_CUDA_LIBRARY torch_cuda HINTS "${LIBTORCH_DIR}/lib" "${_packages}/torch/lib" NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR)
if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  get_filename_component(_lib "${LibTorch_CPU_LIBRARY}" DIRECTORY)
  # The CPU half still names cudart and cupti: from the small wheels, or from an installed toolkit.
  file(GLOB _needed "${_packages}/nvidia/*/lib" "${_packages}/nvidia/cu13/lib" "/usr/local/cuda/lib64" "/usr/local/cuda/extras/CUPTI/lib64")
  set(LibTorch_RUNTIME_DIRS "${_lib}" ${_needed})
  list(REMOVE_DUPLICATES LibTorch_RUNTIME_DIRS)
  add_library(LibTorch::cpu INTERFACE IMPORTED GLOBAL)  # the tests, in another folder, link it too
  set_target_properties(LibTorch::cpu PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "${LibTorch_CPU_LIBRARY};${LibTorch_C10_LIBRARY}"
    # at::parallel_for lies in headers and runs on one thread unless its caller is compiled for OpenMP.
    INTERFACE_COMPILE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:-fopenmp>"
    INTERFACE_LINK_OPTIONS "-fopenmp;-Wl,--unresolved-symbols=ignore-in-shared-libs")
endif()
