// The page of a conversation without a notebook around it: see startPage in index.ts.

import { startPage } from "./widget.js";

startPage(document.body);
