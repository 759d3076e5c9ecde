// Both processors in one module, since they share the resampler.

import "./capture.ts";
import "./playback.ts";
