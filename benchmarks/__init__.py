"""Each headline number is one script; `make bench` prints them side by side. All need a running stack."""
