"""Manifests: lists of recordings with transcripts, in the layouts of other tools."""
