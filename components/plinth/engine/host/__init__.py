"""A stand-in for the official Python language host, for machines that have the bare CLI alone.

It answers the calls of the LanguageRuntime service that running programs, policy packs and plugins
needs (proto/pulumi/language.proto); code generation is left out.  The official host is always
preferred: see :func:`plinth.engine.host.launcher.directory`.
"""

from typing import Final

#: The runtime option of a policy pack that takes its configuration from the engine's own calls, so
#: that nothing has to stand in between. The official host reads the options that it knows, and no
#: other (parseOptions in sdk/python/cmd/pulumi-language-python).
SELF_CONFIGURING: Final = "self-configuring"
