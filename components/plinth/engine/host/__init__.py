"""A stand-in for the official Python language host, for machines that have the bare CLI alone.

It answers the calls of the LanguageRuntime service that running programs, policy packs and plugins
needs (proto/pulumi/language.proto); code generation is left out.  The official host is always
preferred: see :func:`plinth.engine.host.launcher.directory`.
"""
