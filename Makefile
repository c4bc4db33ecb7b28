# Needs GNU make 3.81 or newer, a plain sh, and Python 3.11 to 3.13 with venv.
# Everything is installed in .venv from requirements.lock; nothing outside this folder changes.

.PHONY: help run test test-long test-cluster check bench fuzz faults live dev docs lock clean

# keep other environments and the user's packages out of .venv
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER

PIP := .venv/bin/python -m pip --disable-pip-version-check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: .venv/installed ## refresh the figures and publish a release in data/
	@.venv/bin/distretto refresh || { code=$$?; [ $$code -eq 3 ] || exit $$code; \
	echo "Published, but degraded (exit code 3, the reasons are above): counted as success here." >&2; }

test: .venv/installed ## run the tests, without the slowest
	@.venv/bin/python -m pytest

test-long: .venv/installed ## run the slowest tests
	@.venv/bin/python -m pytest -m long

test-cluster: .venv/installed-lake ## test a lake and two workers with PostgreSQL, Redis and an S3 server on loopback
	@.venv/bin/python -m pytest -n 0 $(CLUSTER) tests/cluster

check: .venv/installed .venv/installed-docs ## lint, format, types, documentation, and that the lock satisfies pyproject.toml
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(PIP) check
	@$(PIP) --isolated install -q --dry-run --no-index --no-build-isolation -e '.[test,mcp]'
	@.venv/bin/mkdocs build -q -d build/docs

bench: .venv/installed-bench ## measure speed and memory, and compare with other tools
	@BENCH_PYTHON=.venv/bin/python .venv/bin/python -m tests.bench

fuzz: .venv/installed ## decode 100,000 damaged bodies: no hang, no crash, no invented value
	@.venv/bin/python -m tests.fuzz

faults: .venv/installed ## inject 1,000 faults and 2,000 nights of odd bodies, and print their effects; two hours
	@.venv/bin/python -m tests.faults $(FAULTS)

live: .venv/installed ## send a small request to every real provider; never in CI
	@.venv/bin/python -m tests.live

dev: .venv/installed ## open the pipeline in Dagster, on http://127.0.0.1:3000
	@if [ -z "$$DAGSTER_HOME" ]; then \
	  home="$${DISTRETTO_HOME:-data}/dagster"; mkdir -p "$$home" && cp dagster.yaml "$$home/" || exit 1; \
	  DAGSTER_HOME=$$(cd "$$home" && pwd -P); export DAGSTER_HOME; \
	fi; \
	exec .venv/bin/dagster dev -h 127.0.0.1

docs: .venv/installed-docs ## build the documentation in build/docs
	@.venv/bin/mkdocs build -q

UV_COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command 'make lock'
# the last cryptography with wheels for Intel Macs
INTEL_MAC := cryptography<49 ; sys_platform == 'darwin' and platform_machine == 'x86_64'

lock: ## pin the newest versions that pyproject.toml allows (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pipx install uv" >&2; exit 1; }
	printf '%s\n' setuptools wheel "$(INTEL_MAC)" | \
	$(UV_COMPILE) pyproject.toml - --extra test --extra mcp -o requirements.lock
	$(UV_COMPILE) --group bench -c requirements.lock -o requirements-bench.lock
	$(UV_COMPILE) pyproject.toml --extra lake -c requirements.lock -o requirements-lake.lock
	$(UV_COMPILE) --group cluster -c requirements.lock -c requirements-lake.lock -o requirements-cluster.lock
	$(UV_COMPILE) --group docs -c requirements.lock -o requirements-docs.lock

clean: ## remove the environment and caches, never data/
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find assets pipelines sources tests warehouse -type d -name __pycache__ -prune -exec rm -rf {} +

# rebuild it if its Python is gone or the folder was moved: its scripts contain the path
ifneq ($(shell .venv/bin/python -c '' 2>/dev/null && cat .venv/installed 2>/dev/null),$(shell pwd -P))
.PHONY: .venv/installed
endif

# the interpreter outside any activated environment, which may be the .venv that is rebuilt
PROBE := import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit(1); print(sys._base_executable)

# --no-deps: pip 23 refuses a locked extra (gql[requests]) under --require-hashes; `make check` proves that the lock is complete
.venv/installed: requirements.lock pyproject.toml
	@set -- python3 python3.13 python3.12 python3.11; \
	[ -z "$$PYTHON" ] || set -- "$$PYTHON"; \
	for name; do \
	  python=$$("$$name" -c '$(PROBE)' 2>/dev/null) && break; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11, 3.12 or 3.13 among: $$*. Install one, or give its path: make PYTHON=/path/to/python3.12 ..."; \
	  echo "  Debian, Ubuntu  apt install python3 python3-venv (if that is older: python3.11 python3.11-venv)"; \
	  echo "  Fedora          dnf install python3.13"; \
	  echo "  macOS           brew install python@3.13"; \
	  exit 1; \
	fi >&2; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	  echo "$$python has no venv. Install it:"; \
	  echo "  Debian, Ubuntu  apt install $$package"; \
	  echo "  Fedora, macOS   venv is part of Python there: reinstall Python"; \
	  exit 1; \
	fi >&2; \
	echo "Making .venv with $$python: about 100 packages, 700 MB, one to three minutes the first time." >&2; \
	"$$python" -m venv --clear .venv && \
	$(PIP) install -q --no-deps --require-hashes -r requirements.lock && \
	$(PIP) install -q --no-deps --no-build-isolation -e . && \
	pwd -P > .venv/installed

.venv/installed-bench: .venv/installed requirements-bench.lock
	@$(PIP) install -q --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

.venv/installed-lake: .venv/installed requirements-lake.lock requirements-cluster.lock
	@$(PIP) install -q --no-deps --require-hashes -r requirements-lake.lock
	@$(PIP) install -q --no-deps --require-hashes -r requirements-cluster.lock
	@touch $@

.venv/installed-docs: .venv/installed requirements-docs.lock
	@$(PIP) install -q --no-deps --require-hashes -r requirements-docs.lock
	@touch $@
