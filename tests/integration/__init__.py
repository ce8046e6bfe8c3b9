"""Tests that drive the real executable from outside: processes, sockets, signals, logs."""
