/**
 * For a bench alone (`node --require`): the program as it is, but nothing is handed to its recorder. What recording costs
 * is the difference.
 */
const { join } = require('node:path');

const { TrafficTap } = require(join(__dirname, '../../dist/src/mcp/traffic-tap.js'));
const { connect } = TrafficTap.prototype;
TrafficTap.prototype.connect = function (sink) {
  if (sink.constructor.name !== 'Recorder') connect.call(this, sink);
};
