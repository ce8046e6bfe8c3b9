// settings_dict: see the header.
#include "worker/settings_dict.h"

namespace tricorn {
namespace {

const char* lifespan_name(LifespanMode mode) {
  switch (mode) {
    case LifespanMode::kAuto:
      return "auto";
    case LifespanMode::kOn:
      return "on";
    case LifespanMode::kOff:
      return "off";
  }
  return "auto";
}

const char* interface_name(Interface interface) {
  switch (interface) {
    case Interface::kAuto:
      return "auto";
    case Interface::kAsgi3:
      return "asgi3";
    case Interface::kAsgi2:
      return "asgi2";
    case Interface::kWsgi:
      return "wsgi";
  }
  return "auto";
}

}  // namespace

PyRef settings_dict(const WorkerSettings& settings) {
  return PyRef::steal(Py_BuildValue(
      "{s:s,s:N,s:O,s:O,s:O,s:s,s:s,s:I}", "app", settings.app.c_str(), "app_dir",
      PyUnicode_DecodeFSDefault(settings.app_dir.c_str()),  // null fails the whole
      "factory", settings.factory ? Py_True : Py_False, "preload",
      settings.preload ? Py_True : Py_False, "reload", settings.reload ? Py_True : Py_False,
      "lifespan", lifespan_name(settings.lifespan), "interface", interface_name(settings.interface),
      "threads", settings.threads));
}

}  // namespace tricorn
