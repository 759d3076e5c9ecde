// Both processors in one module: they share the resampler.

import "./capture.ts";
import "./playback.ts";
