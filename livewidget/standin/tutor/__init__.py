"""The tutor: the stand-in's own ears, brain and voice, each behind a seam of `livewidget.standin.seams`."""
