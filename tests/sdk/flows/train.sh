set -e
wc -l < "$SM_CHANNEL_TRAINING/rows.csv" > "$SM_MODEL_DIR/count.txt"
