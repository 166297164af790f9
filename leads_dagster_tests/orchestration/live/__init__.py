"""Tests of the parts of the live system."""
