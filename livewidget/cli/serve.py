"""`livewidget serve`: the offline tutor on loopback, for the official SDKs and other people's clients."""
