# Everything works from a fresh clone and does its own set-up: run, test, bench, deb, clean.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PIP := -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_ARGS ?=
SOAK_ARGS ?=

# What each step wants from Debian; tools/ensure-packages installs it, or says what to install.
FOR_PYTHON := gcc libc6-dev python3-dev python3-venv
FOR_MEDIA := gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-alsa
FOR_DEBIAN_VERSIONS := python3-venv python3-aiohttp python3-authlib python3-bottle python3-cbor2 python3-dnspython \
	python3-fastjsonschema python3-luma.oled python3-netifaces python3-paho-mqtt python3-pil \
	python3-prometheus-client python3-pyroute2 python3-urwid python3-zeroconf
FOR_INTEGRATION := $(FOR_MEDIA) gstreamer1.0-plugins-bad avahi-daemon avahi-utils chromium dbus dbus-daemon \
	fonts-dejavu-core iproute2 linuxptp lldpd mosquitto openssl procps util-linux
FOR_BENCH := wrk
FOR_PACKAGE := build-essential debhelper dh-python fakeroot lintian pybuild-plugin-pyproject python3-all \
	python3-setuptools python3-wheel
FOR_PACKAGE_TEST := debian-archive-keyring iproute2 mmdebstrap systemd systemd-container util-linux
FOR_IMAGE := arch-test debian-archive-keyring dosfstools e2fsprogs fdisk iproute2 mmdebstrap mtools openssh-client \
	qemu-efi-aarch64 qemu-system-arm qemu-user-static zstd

.PHONY: help
help:
	@echo 'make run          two boxes on this machine: choose a source on the panel, hear it'
	@echo 'make test         style, types, unit and integration tests, with PyPI'"'"'s newest and with Debian'"'"'s packages'
	@echo 'make bench        measures the product'
	@echo 'make deb          builds the Debian package into build/deb'
	@echo 'make fuzz         fires at the parsers, 20 s at each; FUZZ_ARGS="--seconds 600 sdp"'
	@echo 'make soak         an hour on a LAN that is never quiet: nothing may grow; SOAK_ARGS="--minutes 5 --seed 2" (root only)'
	@echo 'make clean        removes what was made here'
	@echo
	@echo 'Parts of make test: style types unit integration; unit-debian integration-debian; chaos.'
	@echo 'make format       puts the source in order'
	@echo 'make test-deb     lintian, then installs the package in a booted Debian (root only)'
	@echo 'make chaos        all that goes wrong around a box; NMOS_CHAOS_ROUNDS=100 for more of it than make test has (root only)'
	@echo 'make power-test   kills a process 500 times, beside the power cuts that are part of make test'
	@echo 'make image        builds the box as a disk image for ARM, into build/image (root only)'
	@echo 'make image-test   boots it in an emulated machine and cuts its power (root only, some 30 minutes)'
	@echo 'PYTEST_ARGS=...   goes to pytest, for instance PYTEST_ARGS="-k sdp"'
	@echo 'BENCH_ARGS=...    goes to the bench, for instance BENCH_ARGS="--only take --quick"'

# --- Environments -----------------------------------------------------------------------------------------------------

# The newest packages from PyPI, on the python3 that comes first in PATH.
.PHONY: .venv
.venv: .venv/.stamp
.venv/.stamp: setup.cfg
	@tools/ensure-packages 'the Python environment' $(FOR_PYTHON)
	@[ -x .venv/bin/pip ] || { echo 'Making .venv: the newest packages from PyPI'; python3 -m venv .venv; }
	@.venv/bin/python $(PIP) install --use-pep517 --upgrade --upgrade-strategy eager \
		--config-settings editable_mode=compat --editable '.[panel,oled,mqtt,unicast,metrics,auth,test,lint]'
	@touch $@

# Debian's own packages on Debian's own Python, as the .deb runs; only pytest and its like come from PyPI.
.PHONY: .venv-debian
.venv-debian: .venv-debian/.stamp
.venv-debian/.stamp: setup.cfg tools/make-venv-debian
	@tools/ensure-packages 'tests with Debian'"'"'s versions' $(FOR_DEBIAN_VERSIONS)
	@tools/make-venv-debian .venv-debian

.PHONY: media-packages integration-packages bench-packages
media-packages:
	@tools/ensure-packages 'real audio' $(FOR_MEDIA)
integration-packages:
	@tools/ensure-packages 'the integration tests' $(FOR_INTEGRATION)
bench-packages:
	@tools/ensure-packages 'the benches' $(FOR_BENCH)

# --- The product ------------------------------------------------------------------------------------------------------

.PHONY: run
run: media-packages .venv
	@exec .venv/bin/python -m appliance.demo

.PHONY: bench
bench: integration-packages bench-packages .venv
	@exec .venv/bin/python -m tests.bench $(BENCH_ARGS)

# --- Tests ------------------------------------------------------------------------------------------------------------

# One after the other, the quick ones first: integration tests are given the machine to themselves.
.PHONY: test
test:
	@$(MAKE) -j1 .venv .venv-debian integration-packages style types unit unit-debian integration integration-debian chaos
	@echo 'make test: all passed'

.PHONY: style
style: .venv
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

.PHONY: format
format: .venv
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

.PHONY: types
types: .venv
	@.venv/bin/mypy

# Unit tests are alone in a process with all that they touch: as many run at a time as there are cores.
.PHONY: unit unit-debian integration integration-debian
unit: .venv
	@tools/run-tests .venv -n auto --dist worksteal tests/unit $(PYTEST_ARGS)
unit-debian: .venv-debian
	@tools/run-tests .venv-debian -n auto --dist worksteal tests/unit $(PYTEST_ARGS)
integration: integration-packages .venv
	$(call integration-tests,.venv)
integration-debian: integration-packages .venv-debian
	$(call integration-tests,.venv-debian)

# Most of them wait for others most of the time. What plays sound or runs a browser is given the machine to itself.
define integration-tests
@MARKS='not alone' tools/run-tests $(1) -n 3 --dist worksteal tests/integration $(PYTEST_ARGS)
@MARKS=alone tools/run-tests $(1) tests/integration $(PYTEST_ARGS)
endef

# All that goes wrong around a box, with the packages that it ships with, in three rooms side by side; with
# NMOS_CHAOS_ROUNDS=100 it takes a quarter of an hour.
.PHONY: chaos
chaos: integration-packages .venv-debian
	@tools/run-tests .venv-debian -n 3 --dist worksteal tests/chaos $(PYTEST_ARGS)

# More cuts than make test has time for: of a process by kill -9, and of a box with a disk that loses what was not synced.
.PHONY: power-test
power-test: integration-packages .venv
	@NMOS_TEST_KILLS=500 tools/run-tests .venv --timeout=1800 tests/unit/edge/test_power.py tests/integration/test_power.py $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: .venv
	@.venv/bin/python $(PIP) install atheris
	@.venv/bin/python -m tests.fuzz $(FUZZ_ARGS)

.PHONY: soak
soak: integration-packages .venv
	@.venv/bin/python $(PIP) install atheris
	@.venv/bin/python -m tests.soak $(SOAK_ARGS)

# --- The Debian package -----------------------------------------------------------------------------------------------

.PHONY: deb
deb:
	@tools/ensure-packages 'the Debian package' $(FOR_PACKAGE)
	@tools/build-deb build/deb

.PHONY: lint-deb
lint-deb: deb
	@lintian --fail-on error,warning --tag-display-limit 0 --allow-root build/deb/*.changes

.PHONY: test-deb
test-deb: .venv lint-deb
	@tools/ensure-packages 'the test of the package' $(FOR_PACKAGE_TEST)
	@tools/run-tests .venv tests/packaging $(PYTEST_ARGS)

# --- The box as an image ----------------------------------------------------------------------------------------------

IMAGE_ARGS ?= --read-only

.PHONY: image
image: deb
	@tools/ensure-packages 'the image' $(FOR_IMAGE)
	@mkdir -p build/image
	@tools/build-image $(IMAGE_ARGS) build/deb/nmos-appliance_*_all.deb build/image/nmos-appliance-arm64.img

# Long, and no part of make test: arm64 is emulated where this machine is another.
.PHONY: image-test
image-test: .venv deb
	@tools/ensure-packages 'the test of the image' $(FOR_IMAGE)
	@mkdir -p build/image
	@[ -e build/image/key ] || ssh-keygen -q -t ed25519 -N '' -f build/image/key
	@tools/build-image --authorized-keys build/image/key.pub --read-only build/deb/nmos-appliance_*_all.deb build/image/read-only.img
	@tools/build-image --authorized-keys build/image/key.pub build/deb/nmos-appliance_*_all.deb build/image/writable.img
	@tools/run-tests .venv tests/image $(PYTEST_ARGS)

# ----------------------------------------------------------------------------------------------------------------------

.PHONY: clean
clean:
	rm -rf .venv .venv-debian build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find appliance tests -name __pycache__ -type d -prune -exec rm -rf {} +
