# What `pip install .` puts where: the executable beside the interpreter's, the module into the package. The package's
# Python files come by themselves (wheel.packages in pyproject.toml).
if(SKBUILD)
  install(TARGETS tricorn RUNTIME DESTINATION "${SKBUILD_SCRIPTS_DIR}")
  install(TARGETS _tricorn LIBRARY DESTINATION tricorn)
endif()
