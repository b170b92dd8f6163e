# One image for master, workers and the embedded backend. BASE needs Python 3.11 or newer with venv and pip.
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE}

# A build may be given the certificate authorities of its network: --secret id=ca,src=FILE
WORKDIR /hubbub
# Where hubbub/ and backend/ lie: beside this file in a checkout, in a folder of their own where `hubbub init` was run.
ARG SOURCE=.
COPY requirements.txt ./
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem; fi; \
    python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY locustfile.py locust.conf ./
COPY ${SOURCE}/hubbub ./hubbub
COPY users ./users
COPY shapes ./shapes
COPY conf ./conf
COPY ${SOURCE}/backend ./backend

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hubbub \
    && mkdir /results && chown hubbub /results && ln -s /results runs
USER hubbub
VOLUME /results
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["locust"]
