// What anywidget calls.

import { createStore } from "./store.ts";

export default {
  initialize: () => {
    createStore();
  },
  render: () => {},
};
