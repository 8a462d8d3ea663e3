# Everything from a fresh clone: `make run`, `make test`, `make bench`, `make deb`, `make clean`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PIP_QUIET := --quiet --disable-pip-version-check

.venv: .venv/.stamp
.venv/.stamp: setup.cfg pyproject.toml
	[ -x .venv/bin/python ] || python3 -m venv .venv
	.venv/bin/python -m pip install $(PIP_QUIET) --upgrade --upgrade-strategy eager --config-settings editable_mode=compat -e '.[panel,test,lint]'
	touch $@
.PHONY: .venv
