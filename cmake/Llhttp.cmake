# llhttp: the system's library where there is one (Debian 13 and newer), else the C sources of the pinned PyPI sdist,
# fetched into the build folder and checked against its hash.
set(LLHTTP_SDIST_VERSION 9.3.0.0)
set(LLHTTP_SDIST_SHA256 0d989363e7fb6f270b9d49956e7a3945c26778f8c70a166815264309ac6a8295)

find_path(LLHTTP_INCLUDE_DIR llhttp.h)
find_library(LLHTTP_LIBRARY llhttp)
if(LLHTTP_INCLUDE_DIR AND LLHTTP_LIBRARY)
  add_library(llhttp UNKNOWN IMPORTED)
  set_target_properties(llhttp PROPERTIES IMPORTED_LOCATION "${LLHTTP_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${LLHTTP_INCLUDE_DIR}")
  return()
endif()

set(llhttp_dir "${CMAKE_BINARY_DIR}/_deps/llhttp-${LLHTTP_SDIST_VERSION}")
set(llhttp_sdist "${CMAKE_BINARY_DIR}/_deps/llhttp-${LLHTTP_SDIST_VERSION}.tar.gz")
if(NOT EXISTS "${llhttp_dir}/lib/llhttp.c")
  message(STATUS "llhttp: fetching ${LLHTTP_SDIST_VERSION} from the Python package index")
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" -m pip download --quiet --no-deps --no-binary :all:
            "llhttp==${LLHTTP_SDIST_VERSION}" -d "${CMAKE_BINARY_DIR}/_deps"
    COMMAND_ERROR_IS_FATAL ANY)
  file(SHA256 "${llhttp_sdist}" llhttp_hash)
  if(NOT llhttp_hash STREQUAL LLHTTP_SDIST_SHA256)
    message(FATAL_ERROR "llhttp: ${llhttp_sdist} has hash ${llhttp_hash}, expected ${LLHTTP_SDIST_SHA256}")
  endif()
  file(ARCHIVE_EXTRACT INPUT "${llhttp_sdist}" DESTINATION "${CMAKE_BINARY_DIR}/_deps")
endif()
add_library(llhttp STATIC "${llhttp_dir}/lib/llhttp.c" "${llhttp_dir}/lib/api.c" "${llhttp_dir}/lib/http.c")
target_include_directories(llhttp SYSTEM PUBLIC "${llhttp_dir}/lib")
