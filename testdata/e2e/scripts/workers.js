// Threads with an engine each.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
if (isMainThread) {
	let left = 3, sum = 0;
	for (let i = 0; i < 3; i++) {
		const w = new Worker(__filename, { workerData: i });
		w.on('message', (m) => { sum += m; });
		w.on('exit', (code) => { if (--left == 0) console.log('sum', sum, code); });
	}
} else {
	let x = 0;
	for (let i = 0; i < 1e6; i++) x = (x + i * workerData) % 1000003;
	parentPort.postMessage(x);
}
