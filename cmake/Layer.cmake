# tricorn_layer(<name> DIR <folder> DEPENDS <targets...>): one folder of the source tree as a static library.
# Every .cc directly in the folder belongs to it, except main.cc (an executable's) and *_test.cc (the layer's tests).
function(tricorn_layer name)
  cmake_parse_arguments(ARG "" "DIR" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${ARG_DIR}/*.cc")
  file(GLOB tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${ARG_DIR}/*_test.cc")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC tricorn_flags ${ARG_DEPENDS})
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ${TRICORN_FUZZ}) # the fuzz targets need some layers only
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE tricorn_flags ${ARG_DEPENDS})
  endif()

  if(TRICORN_TESTS AND tests)
    add_executable(${name}_tests ${tests})
    target_link_libraries(${name}_tests PRIVATE ${name} GTest::gtest_main GTest::gmock)
    tricorn_test_headers(${name}_tests)
    gtest_discover_tests(${name}_tests TEST_PREFIX "${ARG_DIR}/" DISCOVERY_TIMEOUT 60)
  endif()
endfunction()

# What all tests include takes longer to parse than most tests do: the first layer's tests compile it once, for all.
function(tricorn_test_headers tests)
  if(TARGET first_tests)
    target_precompile_headers(${tests} REUSE_FROM first_tests)
  else()
    add_executable(first_tests ALIAS ${tests})
    target_precompile_headers(${tests} PRIVATE <gmock/gmock.h> <gtest/gtest.h> <chrono> <functional> <memory> <optional> <string>
      <string_view> <variant> <vector>)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${tests} PRIVATE -fpch-preprocess) # ccache wants it
  endif()
endfunction()
