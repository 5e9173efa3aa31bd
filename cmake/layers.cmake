# SPDX-License-Identifier: GPL-3.0-or-later
# Every library of Moescope is one call: its folders hold its sources, and what it links is the arrow to the layer below.

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(MOESCOPE_CCACHE ccache)
  if(MOESCOPE_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${MOESCOPE_CCACHE})
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  endif()
endif()

add_library(moescope_options INTERFACE)
target_include_directories(moescope_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(moescope_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow=local -Wno-missing-field-initializers>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${MOESCOPE_WERROR}>>:-Werror;-Wno-error=restrict;-Wno-error=maybe-uninitialized>)
if(MOESCOPE_SANITIZE)
  target_compile_options(moescope_options INTERFACE -fsanitize=${MOESCOPE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(moescope_options INTERFACE -fsanitize=${MOESCOPE_SANITIZE})
endif()

# moescope_library(NAME FOLDERS a b c LINK ... [PRIVATE_LINK ...])
function(moescope_library name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;LINK;PRIVATE_LINK" ${ARGN})
  set(sources)
  foreach(folder IN LISTS ARG_FOLDERS)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.h)
    list(APPEND sources ${found})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC moescope_options ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# moescope_test(NAME SOURCES ... LINK ... [LABELS ...] [ENVIRONMENT ...]): one GoogleTest program; every test in it is one line of ctest.
function(moescope_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE moescope_options ${ARG_LINK} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300 DISCOVERY_TIMEOUT 60
    ENVIRONMENT "LC_ALL=C.UTF-8;OMP_WAIT_POLICY=passive")
endfunction()
