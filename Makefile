# The commands of the course. `make course` first; `make help` lists them all.
# Needs make and Python 3.11 or newer; everything else is installed into .venv. VERBOSE=1 shows what the steps print.

PYTHON ?= python3
PORT ?= 8000
PIP_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
export PATH := $(CURDIR)/$(BIN):$(PATH)
export OMP_NUM_THREADS ?= 1
export PYTHONUTF8 := 1

REFERENCE := $(wildcard solutions/miniconv/*.py)
ASSIGNMENTS := $(wildcard solutions/assignments/*.md)
STEMS := $(ASSIGNMENTS:solutions/assignments/%.md=%)
NOTEBOOKS := $(foreach stem,$(STEMS),exercises/$(stem)/$(stem).ipynb)
SOURCES := $(foreach stem,$(STEMS),course/source/$(stem)/$(stem).ipynb)
# Notebooks that are not there, deleted perhaps since they were woven.
LOST := $(filter-out $(wildcard $(NOTEBOOKS) $(SOURCES)),$(NOTEBOOKS) $(SOURCES))
STUDENT := $(shell find autograder/student/convcourse -name '*.py')
GRADER := $(shell find autograder/grader/convgrader -name '*.py')
PROJECTS := autograder/student autograder/grader solutions  # the packages that are installed, from where they lie
BOOK := _config.yml _toc.yml $(shell find book -type f -not -path '*/__pycache__/*' 2>/dev/null)
TOOLS := $(wildcard tools/*.py)
WEAVING := $(addprefix tools/,weave.py extract.py dependencies.py) $(addprefix autograder/student/convcourse/,functional.py __init__.py grade_ids.py)
BENCHMARKS := $(patsubst tools/benchmarks/%.py,%,$(filter-out %/__init__.py,$(wildcard tools/benchmarks/*.py)))
INSTALLED := $(VENV)/.installed
LOCK := $(wildcard locks/*.txt)
STEP := @$(PYTHON) tools/step.py

.PHONY: help course weave weave-again book serve sample-class test-quick test test-full coverage linted lint student-kit experiments mutants bench gpu page book-instructor book-answers screenshots site-report dependencies lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- for everyone --------------------------------------------------------------------------------------------------

course: .make/woven  ## install, weave the notebooks, build the site, grade the sample class
	@$(MAKE) --no-print-directory -j2 .make/book .make/sample
	@echo
	@cat course/sample-class.txt 2>/dev/null || true
	@echo
	@echo "The site        _build/html/index.html          make serve, then open http://localhost:$(PORT)"
	@echo "The notebooks   exercises/<topic>/              $(BIN)/autograder start pooling, then $(BIN)/jupyter lab work/pooling/pooling.ipynb"
	@echo "The class       course/gradebook.db             $(BIN)/jupyter lab, then Nbgrader > Formgrader; the table is course/sample-class.txt"
	@echo "Its report      course/report.html              what it has not understood, who needs help, what to do in the next class"
	@echo "Its feedback    course/feedback/<student>/      one page for each student"

serve: .make/book  ## serve the site on this machine
	$(RUN) -m tools.serve _build/html $(PORT)

test-quick: linted .make/woven  ## lint, check the types, run the tests that take a moment: before each commit
	$(RUN) -m pytest -q -n 2 --dist loadfile -m "not full and not slow and not browser" tests

test: linted .make/woven .make/book  ## lint, check the types, and run the tests
	$(RUN) -m pytest -n 2 --dist loadfile -m "not full" --doctest-modules tests solutions/miniconv autograder/student autograder/grader tools book

test-full: .make/woven .make/book mutants  ## run what takes longer: mutants, the checks under fifty seeds, all that `test` samples
	$(RUN) -m pytest -n 2 -m full tests

linted: $(INSTALLED)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	PYTHONPATH=book $(BIN)/lint-imports
	$(RUN) -m mypy

coverage: .make/woven .make/book  ## run the tests and write which lines they run, into build/coverage
	@mkdir -p build/coverage
	$(RUN) -m pytest -n 2 --dist loadfile -m "not full" --cov --cov-report=term:skip-covered --cov-report=markdown:build/coverage/table.md --cov-report=html:build/coverage/html tests

# --- steps ---------------------------------------------------------------------------------------------------------

weave: .make/woven  ## make the notebooks from solutions/assignments and solutions/miniconv

book: .make/book  ## build the site into _build/html

sample-class: .make/sample  ## hand in, collect and grade the sample class
	@cat course/sample-class.txt 2>/dev/null || true

$(INSTALLED): requirements.txt $(LOCK) $(PROJECTS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "This course needs Python 3.11 or newer; %s is %s. Say which one: make PYTHON=python3.11 ..." % (sys.executable, sys.version.split()[0]))'
	$(STEP) "Installing what the lock names" $(PYTHON) -m tools.install $(VENV) $(PIP_FLAGS)
	@mkdir -p $(VENV)/etc/ipython
	@echo 'c.IPKernelApp.log_level = "ERROR"  # no warning for every kernel that it talks over TCP' > $(VENV)/etc/ipython/ipython_kernel_config.py
	@touch $@

.make/woven: $(INSTALLED) $(ASSIGNMENTS) $(REFERENCE) $(WEAVING) $(if $(LOST),weave-again)
	@mkdir -p .make
	$(STEP) "Weaving the notebooks" $(RUN) -m tools.weave
	@touch $@

weave-again:

$(NOTEBOOKS): .make/woven
	@:

.make/executed: $(INSTALLED) $(BOOK) $(REFERENCE) $(STUDENT) $(wildcard solutions/networks/*) $(NOTEBOOKS) $(TOOLS) | .make/woven
	$(STEP) "Executing the chapters" $(RUN) -m tools.execute
	@touch $@

# --all: where Sphinx builds some of the pages alone, the terms of the others are missing from its search.
.make/book: .make/executed
	$(STEP) "Building the site" $(BIN)/jupyter-book build -q . --all -n -W --keep-going
	@touch $@

.make/sample: $(INSTALLED) $(NOTEBOOKS) $(STUDENT) $(GRADER) $(TOOLS) solutions/answers/shapes.py solutions/answers/pooling.py nbgrader_config.py | .make/woven
	$(STEP) "Grading the sample class" $(RUN) -m tools.sample_class --quiet
	@touch $@

# --- for instructors and contributors ------------------------------------------------------------------------------

student-kit: .make/woven  ## build what students get: dist/student-kit.zip
	$(RUN) -m tools.kit $(KIT)

experiments: $(INSTALLED)  ## run the experiments of the chapters that have changed, under all their seeds
	$(RUN) -m tools.experiments
	$(RUN) -m tools.figure_data

mutants: $(INSTALLED)  ## try every known mistake, and break the reference on purpose
	$(RUN) -m tools.mutation

bench: $(INSTALLED)  ## time the reference package and grading
	set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(RUN) -m tools.benchmarks.$$name; done

gpu: $(INSTALLED)  ## compare a GPU with the CPU on the three reference networks, in eight minutes
	$(RUN) -m tools.gpu

page: .make/woven  ## build one page: make page STEM=pooling
	@test -n '$(STEM)' || { echo 'Which page? make page STEM=pooling'; exit 2; }
	@test -f 'book/$(STEM).md' || { echo 'There is no book/$(STEM).md; there are $(patsubst book/%.md,%,$(wildcard book/*.md))'; exit 2; }
	@mkdir -p .make/pages/$(STEM)
	@printf 'format: jb-book\nroot: book/%s\n' '$(STEM)' > .make/pages/$(STEM)/_toc.yml
	$(RUN) -m tools.execute $(STEM) --build .make/pages/$(STEM)/_build
	$(BIN)/jupyter-book build . --toc .make/pages/$(STEM)/_toc.yml --path-output .make/pages/$(STEM) --keep-going
	@echo "The page: .make/pages/$(STEM)/_build/html/book/$(STEM).html (links to other pages lead nowhere in it)"

book-instructor: .make/book  ## build the instructor's edition, with the solutions, into build/instructor-site
	$(RUN) -m tools.edition .
	$(BIN)/jupyter-book build -q . --config build/instructor/_config.yml --toc build/instructor/_toc.yml --path-output build/instructor-site -n -W --keep-going
	@echo "The instructor's edition: build/instructor-site/_build/html/index.html. Do not publish it."

book-answers: .make/book  ## build the site with the solutions of the topics whose deadline has passed, into build/answers-site
	topics=$$($(RUN) -m convcourse answers --passed) || { echo 'No deadline has passed: there is nothing to show.'; exit 1; }; $(RUN) -m tools.edition . --topics $$topics
	$(BIN)/jupyter-book build -q . --config build/answers/_config.yml --toc build/answers/_toc.yml --path-output build/answers-site -n -W --keep-going
	@echo "The site with solutions: build/answers-site/_build/html/index.html"

screenshots: .make/book  ## take the pictures of the README, into screenshots/
	@mkdir -p screenshots
	$(RUN) -m tools.screenshots readme _build/html screenshots
	VERDICT_PICTURE="$(CURDIR)/screenshots/verdict.png" $(RUN) -m pytest -q tests/convcourse/test_jupyterlab.py

site-report: .make/book  ## measure the built site: Lighthouse (after npm ci), weights and axe
	$(RUN) -m tools.site_report _build/html

lock: | $(if $(wildcard $(RUN)),,$(INSTALLED))  ## write locks/ from requirements.txt: what is installed, to the last package
	$(RUN) -m tools.lock

dependencies: $(INSTALLED)  ## write the packages' lists of dependencies from requirements.txt
	$(RUN) -m tools.dependencies

lint: $(INSTALLED)  ## format, lint, and check the types
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .
	$(RUN) -m mypy

clean:  ## remove what was built; .venv, work/ and course/ stay
	rm -rf _build .make build dist .pytest_cache .ruff_cache .hypothesis
