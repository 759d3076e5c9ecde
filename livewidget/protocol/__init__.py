"""The Live API's wire, without I/O, for both ends."""
