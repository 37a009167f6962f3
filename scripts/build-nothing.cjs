// Stands in the bundle for a module of Node that is loaded by a library but not used by us.
module.exports = {};
