# An image that serves examples/hello as pid 1.   docker build -t hello . && docker run -p 8000:8000 hello
# Your own: FROM it, COPY the application to /app, install its requirements with /opt/tricorn/bin/pip, name it in CMD.
# BASE: a Debian 12 or newer, or an image made from one that brings its own Python (python:3.13-slim).
ARG BASE=debian:12-slim

FROM ${BASE} AS build
WORKDIR /src
COPY scripts/lib.sh scripts/install_deps scripts/
RUN scripts/install_deps build
COPY . .
RUN python3 -m venv /opt/tricorn && /opt/tricorn/bin/pip install --no-cache-dir . -r examples/requirements.txt
# The packages that own the shared libraries we are linked with: their names differ from release to release.
RUN ldd /opt/tricorn/bin/tricorn /opt/tricorn/lib/python3*/site-packages/tricorn/_tricorn*.so | \
    awk '$3 ~ "^/" { print $3 }' | sort -u | xargs realpath | xargs dpkg-query -S 2>/dev/null | \
    sed 's/:.*//' | sort -u > /opt/tricorn/runtime-packages && grep -q libuv /opt/tricorn/runtime-packages

FROM ${BASE}
COPY --from=build /opt/tricorn /opt/tricorn
RUN apt-get update && \
    apt-get install -y --no-install-recommends $(cat /opt/tricorn/runtime-packages) $(command -v python3 >/dev/null || echo python3) && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --no-create-home --shell /usr/sbin/nologin tricorn
COPY examples/hello /app
WORKDIR /app
USER tricorn
ENV PATH=/opt/tricorn/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TRICORN_HOST=0.0.0.0 TRICORN_PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD \
    ["python", "-c", "import urllib.request as r, os; r.urlopen(f'http://127.0.0.1:{os.environ[\"TRICORN_PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["tricorn"]
CMD ["--workers", "auto", "app:app"]
