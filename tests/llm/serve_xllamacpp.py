"""Serve a GGUF file with xllamacpp: `python serve_xllamacpp.py MODEL PORT`."""

import sys
import time

import xllamacpp

settings = xllamacpp.CommonParams()
settings.model.path, settings.port = sys.argv[1], int(sys.argv[2])
settings.hostnames = ["127.0.0.1"]
settings.n_ctx, settings.n_parallel, settings.cpuparams.n_threads = 8192, 1, 1
server = xllamacpp.Server(settings)
while True:
    time.sleep(1)
