// One copy for both module systems, as in index.mts.
export * from './http.js';
