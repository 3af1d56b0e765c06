# The usual targets over bin/; see README.md.
#
#   make install [DESTDIR=…] [PREFIX=/usr/local] [NGINX=/usr/sbin/nginx]
#
# With NGINX the installation takes over that nginx's built-in paths and user, so that a symlink may replace it.

PREFIX ?= /usr/local
LIBDIR := $(PREFIX)/lib/sluice

.PHONY: all test bench fuzz install uninstall clean

all:
	bin/setup
	bin/build

test:
	bin/test

bench:
	npm run bench

fuzz:
	bin/fuzz

install: all
	bin/install --destdir "$(DESTDIR)" --prefix "$(PREFIX)" --nginx "$(NGINX)"

uninstall:
	rm -rf "$(DESTDIR)$(LIBDIR)"
	rm -f "$(DESTDIR)$(PREFIX)/sbin/sluice"

clean:
	rm -rf build dist .tap
