"""The embedded reference backend: the default contract, whole, in its own process. Imports nothing of hubbub."""
