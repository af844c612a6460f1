import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Compiled code, threads, garbage collection, and exceptions that start as signals. */
public class Threads {
	static int fib(int n) {
		return n < 2 ? n : fib(n - 1) + fib(n - 2);
	}

	static int deep(int i) {
		return deep(i + 1) + 1;
	}

	public static void main(String[] args) throws Exception {
		System.out.println(fib(25));
		ExecutorService pool = Executors.newFixedThreadPool(4);
		List<Future<Integer>> results = new ArrayList<>();
		for (int k = 0; k < 8; k++) {
			final int factor = k;
			results.add(pool.submit(() -> {
				HashMap<Integer, String> map = new HashMap<>();
				for (int i = 0; i < 10000; i++) {
					map.put(i * factor, "v" + i);
				}
				return map.size();
			}));
		}
		int sum = 0;
		for (Future<Integer> r : results) {
			sum += r.get();
		}
		pool.shutdown();
		System.out.println(sum);
		List<byte[]> garbage = new ArrayList<>();
		for (int i = 0; i < 3000; i++) {
			garbage.add(new byte[20000]);
			if (garbage.size() > 200) {
				garbage.clear();
			}
		}
		System.gc();
		System.out.println(garbage.size());
		try {
			Object nothing = args.length > 100 ? args : null;
			nothing.toString();
		} catch (NullPointerException e) {
			System.out.println("null pointer");
		}
		try {
			deep(0);
		} catch (StackOverflowError e) {
			System.out.println("stack overflow");
		}
	}
}
