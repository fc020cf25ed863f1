import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/**
 * Prints 10,000 distinct keys in base64, each with the partition that the Java producer gives it by default in topics
 * of 1, 6, 12 and 100 partitions. The same keys in the same order on every run.
 */
public final class JavaPartitions {
    private static final int KEYS = 10_000;
    private static final int[] PARTITION_COUNTS = {1, 6, 12, 100};
    private static final String[] WORDS = {
        "order", "Straße", "naïve", "Ångström", "Ελλάδα", "заказ", "注文", "주문", "طلب", "हिन्दी", "🙂", "👩‍👩‍👧", "e\u0301", "\u0000", "a b", "\t\n", "\"quoted\""
    };

    private JavaPartitions() {}

    public static void main(String[] arguments) {
        StringBuilder out = new StringBuilder("key");
        for (int count : PARTITION_COUNTS) {
            out.append(",partitions_").append(count);
        }
        out.append('\n');
        for (String key : keys()) {
            byte[] bytes = Base64.getDecoder().decode(key);
            out.append(key);
            for (int count : PARTITION_COUNTS) {
                out.append(',').append(BuiltInPartitioner.partitionForKey(bytes, count));
            }
            out.append('\n');
        }
        System.out.print(out);
    }

    private static Set<String> keys() {
        Random random = new Random(20_240_607);
        Set<String> keys = new LinkedHashSet<>();
        add(keys, "");
        for (String word : WORDS) {
            add(keys, word);
        }
        for (int number = -100; number <= 900; number++) {
            add(keys, Integer.toString(number));
        }
        add(keys, Long.toString(Long.MIN_VALUE));
        add(keys, Long.toString(Long.MAX_VALUE));
        // Every length around the four bytes that the hash takes at a time, every byte value.
        for (int length = 1; length <= 32; length++) {
            for (int repetition = 0; repetition < 40; repetition++) {
                byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                keys.add(Base64.getEncoder().encodeToString(bytes));
            }
        }
        for (int length = 64; length <= 1024; length *= 2) {
            add(keys, "x".repeat(length - 1));
            add(keys, "é".repeat(length / 2));
        }
        while (keys.size() < KEYS) {
            switch (random.nextInt(4)) {
                case 0 -> add(keys, new UUID(random.nextLong(), random.nextLong()).toString());
                case 1 -> add(keys, "customer-" + random.nextInt(1_000_000));
                case 2 -> add(keys, Long.toString(random.nextLong()));
                default -> add(keys, WORDS[1 + random.nextInt(12)] + '-' + Integer.toString(random.nextInt(1 << 20), 36));
            }
        }
        return keys;
    }

    private static void add(Set<String> keys, String key) {
        keys.add(Base64.getEncoder().encodeToString(key.getBytes(StandardCharsets.UTF_8)));
    }
}
