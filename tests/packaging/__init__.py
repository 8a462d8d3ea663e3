"""The Debian package, installed in a Debian that boots: is it what an administrator expects?"""
