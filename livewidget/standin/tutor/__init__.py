"""The tutor: the stand-in's own speech recognition, responder and speech synthesis."""
