"""Loading the user's app: "module:attribute" to an ASGI callable, and what to say when that fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any


class AppImportError(Exception):
    """The app could not be loaded; str() is for the user: one line for a mistake of theirs, a traceback for a bug."""


def load_app(spec: str, *, app_dir: str = "", factory: bool = False) -> Callable[..., Any]:
    """Imports the app that `spec` names ("package.module:attribute.attribute").

    `app_dir` goes first on sys.path. With `factory` the attribute is called without arguments and returns the app.
    Raises AppImportError.
    """
    if app_dir not in sys.path:
        sys.path.insert(0, app_dir)
    module_name, _, attributes = spec.partition(":")
    app: Any = _find_attribute(_import(spec, module_name), module_name, attributes, spec)
    if factory:
        app = _call_factory(app, spec)
    if not callable(app):
        raise AppImportError(f'the app "{spec}" is not callable: it is of type {type(app).__name__}')
    loaded: Callable[..., Any] = app
    return loaded


def _import(spec: str, module_name: str) -> Any:
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
            raise AppImportError(_with_traceback(spec, error)) from None
        raise AppImportError(_no_module(spec, module_name, error.name)) from None
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise AppImportError(f'cannot import the app "{spec}": {where}: {type(error).__name__}: {error.msg}') from None
    except (Exception, SystemExit) as error:
        raise AppImportError(_with_traceback(spec, error)) from None


def _find_attribute(module: Any, module_name: str, attributes: str, spec: str) -> Any:
    value, path = module, module_name
    for name in attributes.split("."):
        try:
            value = getattr(value, name)
        except AttributeError:
            hint = _did_you_mean(name, (known for known in dir(value) if not known.startswith("_")))
            raise AppImportError(
                f'cannot import the app "{spec}": {path} has no attribute "{name}"{hint or _callables_hint(value)}'
            ) from None
        except Exception as error:  # a module's own __getattr__, a property
            raise AppImportError(_with_traceback(spec, error)) from None
        path += "." + name
    return value


def _call_factory(factory: Any, spec: str) -> Any:
    if not callable(factory):
        raise AppImportError(f'the app factory "{spec}" is not callable: it is of type {type(factory).__name__}')
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise AppImportError(_with_traceback(spec, error, "the app factory raised")) from None


def _no_module(spec: str, module_name: str, missing: str) -> str:
    """The module itself was not found: most often a typing mistake, or the wrong folder."""
    from pathlib import Path

    parent, _, last = missing.rpartition(".")
    if parent:
        path = getattr(sys.modules.get(parent), "__path__", None)
        if path is None:
            return f'cannot import the app "{spec}": "{parent}" is a module, not a package: it has no "{last}"'
        folders = [Path(folder) for folder in path]
    else:
        folders = [Path(sys.path[0] or ".")]
    for folder in folders:
        if not os.access(folder, os.R_OK | os.X_OK):
            return f'cannot import the app "{spec}": the folder {folder} cannot be read by this user'
    names = {
        entry.stem
        for folder in folders
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    }
    prefix = parent + "." if parent else ""
    where = ", ".join(str(folder.resolve()) for folder in folders)
    hint = _did_you_mean(last, names, prefix) or f"; looked in {where} and sys.path (see --app-dir)"
    return f'cannot import the app "{spec}": no module named "{missing}"{hint}'


def _did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    from difflib import get_close_matches

    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{prefix}{matches[0]}"?' if matches else ""


def _callables_hint(module: Any) -> str:
    """What in the module looks like an app: instances that can be called, as framework apps are."""
    names = [
        name
        for name, value in vars(module).items()
        if callable(value) and not isinstance(value, type) and hasattr(type(value), "__call__") and not name.startswith("_")
        and type(value).__module__ != "builtins" and getattr(value, "__module__", None) != "typing"
    ] if hasattr(module, "__dict__") else []
    return f'; it has {", ".join(repr(name) for name in names[:3])}' if names else ""


def _with_traceback(spec: str, error: BaseException, what: str = "it raised") -> str:
    """The traceback from the app's own first frame on: our frames and importlib's say nothing."""
    import traceback

    frames = error.__traceback__
    while frames is not None and _is_machinery(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
    return f'cannot import the app "{spec}": {what}\n{text.rstrip()}'


def _is_machinery(filename: str) -> bool:
    return filename == __file__ or filename.startswith("<frozen importlib") or filename.endswith("importlib/__init__.py")
