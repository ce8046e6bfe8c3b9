# The worker: an ordinary extension module `tricorn._tricorn` for one Python version, beside the package's Python files.
# The build folder gets a `python/` tree that can be put on sys.path as it is; the master finds it beside its own executable.
file(GLOB entry_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/worker/*.cc")
list(FILTER entry_sources EXCLUDE REGEX "_test\\.cc$")
Python3_add_library(_tricorn MODULE WITH_SOABI ${entry_sources})
target_link_libraries(_tricorn PRIVATE server asyncio)
target_compile_definitions(_tricorn PRIVATE TRICORN_VERSION="${PROJECT_VERSION}")
set_target_properties(_tricorn PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/python/tricorn")

# Links, not copies: an edited .py file is live without a build.
file(GLOB package_files CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}/python/tricorn" "${CMAKE_SOURCE_DIR}/python/tricorn/*")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/python/tricorn")
foreach(file IN LISTS package_files)
  if(NOT file STREQUAL "__pycache__")
    file(CREATE_LINK "${CMAKE_SOURCE_DIR}/python/tricorn/${file}" "${CMAKE_BINARY_DIR}/python/tricorn/${file}" SYMBOLIC)
  endif()
endforeach()
