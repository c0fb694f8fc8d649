"""The commands, one a file. A file imports only click and tuinet.errors at the top, so that every --help is quick."""
