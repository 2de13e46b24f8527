// One copy of everything for both module systems: an error of one is an error of the other.
export * from './index.js';
