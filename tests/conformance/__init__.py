"""One test for each numbered behaviour of HTTP/1.1 and ASGI; README.md has the table and the decisions."""
