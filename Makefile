# make           the program, its man page and completions
# make install   copies them below PREFIX and DESTDIR
# make uninstall removes what make install copied there
# make test      the tests
# make check     all that CI checks
# make static    the static binary for Linux; ARCH=aarch64 for ARM servers, ARCH=arm for every Raspberry Pi
# make dist      the archive of a release, in dist/; ARCH as above
# make deb       the same as a Debian package
# make oci       the same as a container image, an OCI layout
# make demo      the program against a server of its own
# make live      a real account against what the program assumes of Outseta: EMAIL=jane@example.com
# make bench     the time of one request, beside curl and jq
# make mutants   whether the tests notice faults in the code
#
# GNU make and BSD make read this file. The first four targets need no other GNU tool.

PREFIX = /usr/local
ARCH = x86_64
CARGO_TARGET_DIR ?= target

PROGRAM = $(CARGO_TARGET_DIR)/release/outseta-token
PAGES = $(CARGO_TARGET_DIR)/pages
BIN = $(DESTDIR)$(PREFIX)/bin
SHARE = $(DESTDIR)$(PREFIX)/share
MUTANTS = $(CARGO_TARGET_DIR)/mutants
# The files whose faults their unit tests must notice. Those of the others are noticed by the black-box tests.
UNITS = api/response api/timing api/tls_errors api/token api/trace cli/docs cli/mod cli/options cli/raw_args \
	cli/suggest cli/values config/base_url config/credentials config/env_file config/mod config/proxy \
	config/setting config/sources email error output/format secret stdin text

.PHONY: all install uninstall test check lint package static dist deb oci demo live bench mutants clean
# Cargo uses every processor and locks its folder: a second one would only wait.
.NOTPARALLEL:

all:
	cargo build --release --locked --target-dir "$(CARGO_TARGET_DIR)"
	mkdir -p "$(PAGES)"
	"$(PROGRAM)" --generate man >"$(PAGES)/outseta-token.1"
	"$(PROGRAM)" --generate complete-bash >"$(PAGES)/outseta-token.bash"
	"$(PROGRAM)" --generate complete-zsh >"$(PAGES)/_outseta-token"
	"$(PROGRAM)" --generate complete-fish >"$(PAGES)/outseta-token.fish"

# It makes nothing, so that `sudo make install` compiles nothing as root.
install:
	@test -f "$(PAGES)/outseta-token.1" || { echo "install: run make first" >&2; exit 1; }
	install -d "$(BIN)" "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions" \
		"$(SHARE)/zsh/site-functions" "$(SHARE)/fish/vendor_completions.d"
	install -m 755 "$(PROGRAM)" "$(BIN)"
	install -m 644 "$(PAGES)/outseta-token.1" "$(SHARE)/man/man1"
	install -m 644 "$(PAGES)/outseta-token.bash" "$(SHARE)/bash-completion/completions/outseta-token"
	install -m 644 "$(PAGES)/_outseta-token" "$(SHARE)/zsh/site-functions"
	install -m 644 "$(PAGES)/outseta-token.fish" "$(SHARE)/fish/vendor_completions.d"

# The folders stay: others' files may be in them.
uninstall:
	rm -f "$(BIN)/outseta-token" "$(SHARE)/man/man1/outseta-token.1" \
		"$(SHARE)/bash-completion/completions/outseta-token" "$(SHARE)/zsh/site-functions/_outseta-token" \
		"$(SHARE)/fish/vendor_completions.d/outseta-token.fish"

# Most tests wait, so there are more at once than processors.
test:
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-8} cargo test --locked

check: lint test demo package all
	.ci/check-install
	.ci/check-msrv
	.ci/check-targets
	.ci/check-dist x86_64
	.ci/static-proof x86_64
	$(MAKE) dist deb oci ARCH=aarch64
	.ci/static-proof aarch64
	$(MAKE) dist deb oci ARCH=arm
	.ci/static-proof arm

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	shellcheck .ci/*

# Dirty, so that it can be checked before the commit.
package:
	cargo package --locked --allow-dirty

static:
	.ci/build-static $(ARCH)

dist: all static
	.ci/pack dist $(ARCH)

deb: all static
	.ci/pack deb $(ARCH)

oci: all static
	.ci/pack oci $(ARCH)

demo:
	cargo build --locked --bin outseta-token --example demo
	cargo run --quiet --locked --example demo

live:
	@cargo build --quiet --locked --bin outseta-token --example live
	@EMAIL="$(EMAIL)" cargo run --quiet --locked --example live

bench: all
	@for tool in hyperfine curl jq; do command -v $$tool >/dev/null || \
		{ echo "bench: $$tool is missing: apt-get install hyperfine curl jq" >&2; exit 1; }; done
	cargo build --quiet --release --locked --example bare-exchange
	cargo run --quiet --locked --profile server --example bench -- $(PROGRAM) \
		$(CARGO_TARGET_DIR)/release/examples/bare-exchange \
		$$(ls $(CARGO_TARGET_DIR)/$(ARCH)-unknown-linux-musl/release/outseta-token 2>/dev/null)

mutants:
	@cargo mutants --version >/dev/null 2>&1 || { echo "mutants: cargo install --locked cargo-mutants" >&2; exit 1; }
	mkdir -p $(MUTANTS)/units $(MUTANTS)/others
	cargo mutants --timeout 30 --output $(MUTANTS)/units --cargo-arg=--bin=outseta-token $(UNITS:%=--file src/%.rs); \
	units=$$?; \
	cargo mutants --timeout 120 --output $(MUTANTS)/others $(UNITS:%=--exclude src/%.rs) -- \
		--bin outseta-token --test integration && exit $$units

clean:
	cargo clean
	rm -rf dist
